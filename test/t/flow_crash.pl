# A run of 30 tasks is killed at every fault point of the engine, in the session
# and in a worker, and then resumed: it ends like a run that nobody disturbed,
# and each task has committed exactly once. (SECURITY rows W5, W6, W7, W12, W13.)
use strict;
use warnings;

use Olist;
use Olist::Flow;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main', install_path => fault_server());
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nrestart_after_crash = on\nmax_worker_processes = 16");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION olist_etl');
my $flow = Olist::Flow->new($node);
$flow->sql('ALTER TABLE flow_test.done ADD PRIMARY KEY (what)');


# a task that notes what it is about; its input goes on unchanged
sub task
{
	my ($name, $next) = @_;
	$next = $next ? qq("Next": "$next") : '"End": true';
	return qq("$name": {"Type": "Task", "Resource": "olist:flow_test.count",
		"Parameters": {"state": "$name", "item.\$": "\$.item"}, "ResultPath": null,
		"Retry": [{"ErrorEquals": ["Olist.WorkerCrashed"], "IntervalSeconds": 1, "MaxAttempts": 5}],
		$next});
}

$flow->sql(q(CREATE FUNCTION flow_test.count(argument jsonb) RETURNS jsonb LANGUAGE sql AS $$
	INSERT INTO flow_test.done (what) VALUES ((argument ->> 'state') || ' ' || (argument ->> 'item'));
	SELECT pg_advisory_xact_lock_shared(6105) WHERE argument ->> 'state' = 'M1';
	SELECT argument;
$$));

# four tasks in a row, ten items of two tasks, two branches of two, two in a row
$flow->workflow('thirty', '{"StartAt": "A1", "States": {'
	  . join(', ', task('A1', 'A2'), task('A2', 'A3'), task('A3', 'A4'), task('A4', 'Map'))
	  . ', "Map": {"Type": "Map", "ItemsPath": "$.items", "ResultPath": null, "Next": "Both",
		"ItemSelector": {"item.$": "$$.Map.Item.Value"},
		"ItemProcessor": {"StartAt": "M1", "States": {' . join(', ', task('M1', 'M2'), task('M2')) . '}}},
	"Both": {"Type": "Parallel", "ResultPath": null, "Next": "Z1", "Branches": [
		{"StartAt": "P1", "States": {' . join(', ', task('P1', 'P2'), task('P2')) . '}},
		{"StartAt": "Q1", "States": {' . join(', ', task('Q1', 'Q2'), task('Q2')) . '}}]}, '
	  . join(', ', task('Z1', 'Z2'), task('Z2')) . '}}');
my $run = q(CALL olist_etl.run('thirty', '{"item": 0, "items": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}'););

# Waits until the server has started as often as it should have; a killed process
# is gone before its postmaster knows.
my $starts = 1;

sub wait_for_server
{
	$starts++;
	poll_until(sub {
		my $ready = () = slurp_file($node->logfile) =~ /database system is ready to accept connections/g;
		return $ready >= $starts;
	}, 'the server is back');
}

# what a run leaves: its end, what its tasks did, its tasks' states, its history's chain
sub state_of_run
{
	return $flow->sql(q(
		SELECT r.status || ' ' || (r.output ->> 'item') FROM olist_etl.run r ORDER BY run_id DESC LIMIT 1;
		SELECT string_agg(what, ',' ORDER BY what) FROM flow_test.done;
		SELECT count(*) FILTER (WHERE status = 'SUCCEEDED'), count(*) FILTER (WHERE status IN ('RUNNING', 'ABORTED'))
		FROM olist_etl.task t WHERE t.run_id = (SELECT max(run_id) FROM olist_etl.run);
		SELECT count(*) FROM olist_etl.event e
		WHERE e.run_id = (SELECT max(run_id) FROM olist_etl.run) AND e.previous_id <> 0
		  AND NOT EXISTS (SELECT FROM olist_etl.event p WHERE p.run_id = e.run_id AND p.id = e.previous_id);
		SELECT type, count(*) FROM olist_etl.event e WHERE e.run_id = (SELECT max(run_id) FROM olist_etl.run)
		  AND type IN ('TaskSucceeded', 'MapIterationSucceeded', 'MapStateExited', 'ParallelStateExited', 'ExecutionSucceeded')
		GROUP BY type ORDER BY type;));
}

sub clean
{
	$flow->sql('TRUNCATE flow_test.done; DELETE FROM olist_etl.run; DELETE FROM olist_etl.task; DELETE FROM olist_etl.event');
}

$flow->sql($run);
my $undisturbed = state_of_run();
like($undisturbed, qr/^SUCCEEDED 0\n.*\n30\|0\n0\n/, 'a run that nobody disturbs');

# goes on, as the next session would: resume, if there is anything to resume
my ($kills, $differences) = (0, 0);

sub resume_and_compare
{
	my ($what) = @_;
	my $left = $flow->sql('SELECT status FROM olist_etl.run ORDER BY run_id DESC LIMIT 1');
	$flow->sql($left eq '' ? $run : 'CALL olist_etl.resume()') unless $left eq 'SUCCEEDED';
	my $state = state_of_run();
	$kills++;
	return if $state eq $undisturbed;
	$differences++;
	is($state, $undisturbed, $what);
}

# each point, at several passages of a process, with tasks in workers and in the session
my %passages = (
	'flow-begin-commit-before' => [1],
	'flow-begin-commit-after' => [1],
	'flow-schedule-commit-before' => [ 1, 2, 5, 8, 12 ],
	'flow-schedule-commit-after' => [ 1, 3, 6, 9, 13 ],
	'flow-task-before' => [ 1, 4, 6 ],
	'flow-task-after' => [ 2, 5, 7 ],
	'flow-task-commit-before' => [ 1, 3, 8 ],
	'flow-task-commit-after' => [ 2, 4, 6 ],
	'flow-end-commit-before' => [1],
	'flow-end-commit-after' => [1]);
foreach my $point (sort keys %passages)
{
	foreach my $nth (@{ $passages{$point} })
	{
		foreach my $workers (2, 0)
		{
			clean();
			my ($err) = $flow->finish($flow->start_call($run,
				options => "-c olist_etl.fault=$point:$nth=crash -c olist_etl.max_workers=$workers"));
			like($err, qr/terminat|closed the connection/, "killed at $point, passage $nth, $workers workers");
			wait_for_server();
			resume_and_compare("killed at $point, passage $nth, $workers workers");
		}
	}
}

# the engine is stopped in other ways while two tasks of the Map are under way
sub in_the_middle
{
	my ($what, $stop) = @_;
	clean();
	$flow->hold;
	my $call = $flow->start_call($run);
	$flow->wait_for_tasks(2);
	$stop->();
	$flow->finish($call);
	wait_for_server();
	$flow->forget_holder;
	is($flow->workers, 0, "$what: no worker is left");
	resume_and_compare($what);
}

in_the_middle('a worker is killed', sub {
	kill 'KILL', $flow->sql(q(SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'olist_etl worker'));
});
in_the_middle('the session is killed', sub { kill 'KILL', $flow->call_pid; });
in_the_middle('the server is stopped immediately', sub { $node->stop('immediate'); $node->start; });
in_the_middle('the server is stopped fast', sub {
	my $start = time;
	$node->stop('fast');
	cmp_ok(time - $start, '<', 10, 'a fast stop is fast');
	$node->start;
});
in_the_middle('the postmaster is killed', sub {
	my @workers = split /\n/, $flow->sql(q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'olist_etl worker'));
	$node->kill9;
	poll_until(sub { !grep { -e "/proc/$_" } @workers }, 'its workers leave with it');
	$node->start;
});

is($differences, 0, "$kills kills, $differences differences");
diag("$kills kills, $differences differences");

# an attempt that takes the server down each time is given up, not tried for ever
clean();
$flow->workflow('poison', $flow->one_of('work'));
$flow->finish($flow->start_call(q(CALL olist_etl.run('poison', '"x"');), options => '-c olist_etl.fault=flow-task-before=crash'));
my $crashes = 0;
for (1 .. 6)
{
	wait_for_server();
	$crashes++;
	my ($err) = $flow->finish($flow->start_call('CALL olist_etl.resume();', options => '-c olist_etl.fault=flow-task-before=crash'));
	last unless $err =~ /terminat|closed the connection/;
}
cmp_ok($crashes, '<=', 4, 'a task that crashes the server each time crashes it a few times');
like($flow->last_run('status, error'), qr/^FAILED\|Olist\.WorkerCrashed$/, '... and is given up then');

# the next run tells of one that was interrupted, and is not held up by it
clean();
$flow->finish($flow->start_call($run, options => '-c olist_etl.fault=flow-task-after:2=crash'));
wait_for_server();
$flow->scalar_is('SELECT status FROM olist_etl.progress', 'INTERRUPTED', 'a run without a session is INTERRUPTED');
$flow->sql('TRUNCATE flow_test.done');
my ($err) = $flow->finish($flow->start_call($run));
like($err, qr/run \d+ of workflow "thirty" was interrupted/, 'the next run tells of it');
$flow->scalar_is('SELECT string_agg(status, \' \' ORDER BY run_id) FROM olist_etl.run', 'ABORTED SUCCEEDED', '... and ends it');

# errors and cancels at the points: the run ends, the session stays, the workers go
foreach my $action ('error', 'oom', 'cancel', 'terminate')
{
	foreach my $point ('flow-begin-commit-after', 'flow-schedule-commit-before', 'flow-schedule-commit-after:2', 'flow-end-commit-before')
	{
		clean();
		my ($err, $out) = $flow->finish($flow->start_call("$run SELECT 'usable';", options => "-c olist_etl.fault=$point=$action"));
		is($out, $action eq 'terminate' ? '' : "usable\n", "$action at $point: the session");
		$flow->ended_as($action =~ /cancel|terminate/ ? 'ABORTED' : 'FAILED', "$action at $point");
		resume_and_compare("$action at $point");
	}
}

$node->stop;
done_testing();
