# A run whose session is cancelled, terminated or left, and workers that die or
# do not come: nothing is left behind, and the run's row tells what happened.
# (SECURITY rows W1, W3, W4, W8, W11, W19, W22, T8, T29, C1, C12.)
use strict;
use warnings;

use Olist;
use Olist::Flow;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = olist_cluster('main', 'max_worker_processes = 8', 'dynamic_shared_memory_type = mmap');
my $flow = Olist::Flow->new($node);
$flow->workflow('hold_map', $flow->map_of('hold', $flow->retry));
$flow->workflow('hold_one', $flow->one_of('hold', $flow->retry));
my $two = q(CALL olist_etl.run('hold_map', '[1, 2, 3, 4]'););

# W8: however the session's statement ends, with tasks in workers and in the session
my %ends = (
	'pg_cancel_backend' => sub { "SELECT pg_cancel_backend($_[0])" },
	'olist_etl.cancel()' => sub { 'SELECT olist_etl.cancel(max(run_id)) FROM olist_etl.run' },
	'pg_terminate_backend' => sub { "SELECT pg_terminate_backend($_[0])" });

foreach my $end (sort keys %ends)
{
	foreach my $where ('workers', 'the session')
	{
		my ($call, $tasks) =
		  $where eq 'workers' ? ($two, 2) : (q(CALL olist_etl.run('hold_one', '"x"');), 1);
		$flow->hold;
		my $session = $flow->start_call("$call\nSELECT 'usable';");
		$flow->wait_for_tasks($tasks);
		is($flow->workers, $where eq 'workers' ? 2 : 0, "the tasks are in $where");
		is($flow->sql('SELECT backend_xmin IS NULL AND backend_xid IS NULL FROM pg_stat_activity WHERE pid = ' . $flow->call_pid),
			't', 'the session that waits for them holds no snapshot') if $where eq 'workers';
		my $start = time;
		$flow->sql($ends{$end}->($flow->call_pid));
		my ($err, $out) = $flow->finish($session);
		cmp_ok(time - $start, '<', 2, "$end, tasks in $where: back within 2 seconds");
		like($err, $end =~ /terminate/ ? qr/57P01/ : qr/ 57014/, "$end: with its SQLSTATE");
		is($out, $end =~ /terminate/ ? '' : "usable\n", "$end: what becomes of the session");
		$flow->ended_as('ABORTED', "$end, tasks in $where");
		$flow->release;
	}
}

# a time limit of the session's own
$flow->hold;
my $session = $flow->start_call("SET statement_timeout = '300ms'; $two\nSET statement_timeout = 0; SELECT 'usable';");
my ($err, $out) = $flow->finish($session);
like($err, qr/ERROR:  57014: canceling statement due to statement timeout/, 'statement_timeout ends a run');
is($out, "usable\n", 'statement_timeout: the session is usable');
$flow->ended_as('ABORTED', 'statement_timeout');

# the client goes away without a word, while tasks are in workers and in the session
foreach my $call ($two, q(CALL olist_etl.run('hold_one', '"x"');))
{
	$session = $flow->start_call($call);
	$flow->wait_for_tasks($call eq $two ? 2 : 1);
	$session->{harness}->kill_kill;
	poll_until(sub { $flow->last_run eq 'ABORTED' && $flow->workers == 0 }, 'a client that is gone is noticed');
	$flow->ended_as('ABORTED', 'a client that is gone');
}
$flow->release;
$flow->scalar_is('SELECT count(*) FROM flow_test.done', 0, 'nothing of the cancelled tasks is left');

$flow->scalar_is(q(SELECT string_agg(DISTINCT previous_id::text, ',') FROM olist_etl.event WHERE type = 'ExecutionAborted'), 0,
	'an abort comes from outside: it follows no event');

# a cancelled run goes on where it stood
$flow->sql($two);
$flow->scalar_is(q(SELECT string_agg(what, ' ' ORDER BY what) FROM flow_test.done), '1 2 3 4', 'the next run does it all');
$flow->hold;
$session = $flow->start_call($two);
$flow->wait_for_tasks(2);
$flow->sql('SELECT olist_etl.cancel(max(run_id)) FROM olist_etl.run');
$flow->finish($session);
$flow->release;
$flow->sql('CALL olist_etl.resume()');
is($flow->last_run('status, redrive_count'), 'SUCCEEDED|1', 'a cancelled run is resumed');
$flow->scalar_is(q(SELECT p.type FROM olist_etl.event e JOIN olist_etl.event p ON p.run_id = e.run_id AND p.id = e.previous_id
	WHERE e.type = 'ExecutionRedriven'), 'ExecutionAborted', '... and its history goes on from the abort');
$flow->scalar_is(q(SELECT string_agg(what, ' ' ORDER BY what) FROM flow_test.done), '1 1 2 2 3 3 4 4', '... and does each once');

# a loop that never comes to rest is committed as it goes: others see how far it is, a cancel
# loses little of it, and the session's memory does not grow
$flow->workflow('endless', '{"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
	{"StartAt": "Count", "States": {
		"Count": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Enough?"},
		"Enough?": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 0, "Next": "Done"}], "Default": "Count"},
		"Done": {"Type": "Succeed"}}},
	{"StartAt": "Other", "States": {"Other": {"Type": "Task", "Resource": "olist:flow_test.bad", "End": true}}}]}}}');
$flow->sql(q(CREATE FUNCTION flow_test.bad(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS
	$$ BEGIN PERFORM pg_advisory_xact_lock_shared(6105); RAISE EXCEPTION 'it is bad'; END $$));
my $events = 'SELECT coalesce(max(id), 0) FROM olist_etl.event WHERE run_id = (SELECT max(run_id) FROM olist_etl.run)';
my $memory = sub { my ($pid) = @_; return slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m ? $1 : 0 };
$flow->hold;
my ($kB, $done);
foreach my $call (q(CALL olist_etl.run('endless', '{"n": 0}');), 'CALL olist_etl.resume();')
{
	my $before = $done // 0;
	$session = $flow->start_call($call);
	poll_until(sub { $flow->sql($events) > $before + 5000 }, "$call: events of an endless loop are seen");
	$kB = $memory->($flow->call_pid);
	poll_until(sub { $flow->sql($events) > $before + 20000 }, '... and more of them');
	cmp_ok($memory->($flow->call_pid), '<', $kB + 1024, '... and the session needs no more memory for them');
	$flow->sql('SELECT olist_etl.cancel(max(run_id)) FROM olist_etl.run');
	$flow->finish($session);
	$flow->ended_as('ABORTED', 'an endless loop');
	$done = $flow->sql($events);
	$flow->scalar_is(qq(SELECT count(*) = $done AND count(*) FILTER (WHERE previous_id >= id) = 0 FROM olist_etl.event
		WHERE run_id = (SELECT max(run_id) FROM olist_etl.run)), 't', '... its history has no gaps');
}
$flow->scalar_is(q(SELECT (details ->> 'output')::json ->> 'n' = count::text FROM (
		SELECT details, count(*) OVER () FROM olist_etl.event WHERE state = 'Count' AND type = 'PassStateExited'
		AND run_id = (SELECT max(run_id) FROM olist_etl.run) ORDER BY id DESC LIMIT 1) e),
	't', 'a loop that was resumed has gone on counting where it was');
$session = $flow->start_call('CALL olist_etl.resume();');
poll_until(sub { $flow->sql($events) > $done + 2000 }, 'it goes on again');
$flow->release;
($err) = $flow->finish($session);
like($err, qr/P0001: run \d+ of workflow "endless" failed/, '... and does not keep its sibling from ending it');
$flow->ended_as('FAILED', 'a loop with a sibling that fails');

# W4: a worker is terminated; its task is retried, and the run ends well
$flow->sql('TRUNCATE flow_test.done');
$flow->hold;
$session = $flow->start_call($two);
$flow->wait_for_tasks(2);
my $victim = $flow->sql(q(SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'olist_etl worker'));
$flow->sql("SELECT pg_terminate_backend($victim)");
poll_until(sub { $flow->sql(q(SELECT count(*) FROM olist_etl.task WHERE error = 'Olist.WorkerCrashed')) == 1 }, 'the death is noticed');
$flow->release;
($err) = $flow->finish($session);
like($err, qr/failed after \d+ ms: Olist\.WorkerCrashed/, 'a dead worker is told of');
$flow->ended_as('SUCCEEDED', 'a dead worker');
$flow->scalar_is(q(SELECT string_agg(what, ' ' ORDER BY what) FROM flow_test.done), '1 2 3 4', '... and each task committed once');

# a worker is cancelled: that is its task's failure, not the run's end
$flow->workflow('cancelled', $flow->map_of('hold', ', "Catch": [{"ErrorEquals": ["SQLSTATE.57014"], "ResultPath": null, "Next": "Caught"}]')
	  =~ s/"End": true\}\}\}\}\}\}$/"End": true}, "Caught": {"Type": "Pass", "Result": "caught", "End": true}}}}}}/r);
$flow->hold;
$session = $flow->start_call(q(CALL olist_etl.run('cancelled', '[1, 2]');));
$flow->wait_for_tasks(2);
$flow->sql(q(SELECT pg_cancel_backend(min(pid)) FROM pg_stat_activity WHERE backend_type = 'olist_etl worker'));
$flow->wait_for_tasks(1);
$flow->release;
$flow->finish($session);
like($flow->last_run('status, output'), qr/^SUCCEEDED\|.*"caught"/, 'a cancelled worker fails its task alone');

# W11: a worker that slept through the end of its run cannot commit
$flow->sql('TRUNCATE flow_test.done');
$flow->hold;
$session = $flow->start_call($two);
$flow->wait_for_tasks(2);
my @workers = split /\n/, $flow->sql(q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'olist_etl worker'));
kill 'STOP', @workers;
my $start = time;
$flow->sql('SELECT olist_etl.cancel(max(run_id)) FROM olist_etl.run');
$flow->finish($session);
cmp_ok(time - $start, '<', 2.5, 'workers that do not answer hold nobody up');
is($flow->last_run, 'ABORTED', '... the run is ABORTED');
$flow->release;
kill 'CONT', @workers;
poll_until(sub { $flow->workers == 0 }, 'they leave when they wake');
$flow->scalar_is('SELECT count(*) FROM flow_test.done', 0, '... and have committed nothing');

# W1: no worker slot is free, and the session does the work
$node->append_conf('postgresql.conf', 'max_worker_processes = 1');    # of which replication takes one
$node->restart;
my $log = -s $node->logfile;
$session = $flow->start_call($two);
($err) = $flow->finish($session);
unlike($err, qr/ERROR/, 'no slot is not an error');
$flow->ended_as('SUCCEEDED', 'no slot');
$flow->scalar_is(q(SELECT count(*) FROM flow_test.done WHERE pid IN (SELECT pid FROM olist_etl.run)), 4, '... and the session has done it');
my @lines = PostgreSQL::Test::Utils::slurp_file($node->logfile, $log) =~ /LOG:  run \d+ has 0 of 1 background workers/g;
is(scalar @lines, 1, '... with one line in the log');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;

# The library has to be there for its settings to be known.
sub set_system
{
	$node->psql('postgres', "LOAD 'olist_etl';\n$_[0];");
	$node->reload;
}

# T29: the caps of superusers, which others cannot raise
$flow->sql(q(CREATE ROLE etl LOGIN; CREATE ROLE other LOGIN;
	GRANT EXECUTE ON PROCEDURE olist_etl.run, olist_etl.resume TO etl, other;
	GRANT EXECUTE ON FUNCTION olist_etl.create_workflow, olist_etl.cancel, olist_etl.drop_workflow TO etl, other;
	GRANT SELECT ON olist_etl.run, olist_etl.task, olist_etl.event, olist_etl.workflow, olist_etl.progress TO etl, other;));
$node->safe_psql('postgres', "SELECT olist_etl.create_workflow('of_etl', \$json\$" . $flow->map_of('hold', $flow->retry) . '$json$)',
	extra_params => [ '-U', 'etl' ]);
set_system('ALTER SYSTEM SET olist_etl.max_workers_per_role = 1');
$flow->hold;
$session = $flow->start_call(q(SET olist_etl.max_workers_per_role = 100;
	CALL olist_etl.run('of_etl', '[1, 2, 3]');), user => 'etl');
$flow->wait_for_tasks(1);
is($flow->workers, 1, 'a role has no more workers than its cap');
$flow->release;
($err) = $flow->finish($session);
like($err, qr/42501: permission denied to set parameter "olist_etl.max_workers_per_role"/, '... and cannot raise it');
$flow->ended_as('SUCCEEDED', 'a cap');
set_system('ALTER SYSTEM SET olist_etl.max_workers_per_role = 0');
$session = $flow->start_call(q(CALL olist_etl.run('of_etl', '[1, 2, 3]');), user => 'etl');
$flow->finish($session);
$flow->scalar_is(q(SELECT bool_and(t.pid = r.pid) FROM olist_etl.task t JOIN olist_etl.run r USING (run_id)
	WHERE run_id = (SELECT max(run_id) FROM olist_etl.run)), 't', 'without any the session does the work');
set_system('ALTER SYSTEM RESET olist_etl.max_workers_per_role');

# ... nor do two sessions that launch at the same moment get more than there are: the
# postmaster is stopped, so that neither can see the workers of the other
set_system('ALTER SYSTEM SET olist_etl.max_workers_total = 2');
$flow->workflow('other_map', $flow->map_of('hold', $flow->retry));
$flow->hold;
my %session = map { $_ => $node->background_psql('postgres') } 'hold_map', 'other_map', 'watch';
$_->query_safe("SET client_min_messages = error; LOAD 'olist_etl'") foreach values %session;
my $postmaster = slurp_file($node->data_dir . '/postmaster.pid') =~ s/\n.*//sr;
kill 'STOP', $postmaster;
foreach my $workflow ('hold_map', 'other_map')
{
	$session{$workflow}->query_until(qr/^$/, "\\echo\nCALL olist_etl.run('$workflow', '[1, 2, 3]');\n");
	poll_until(sub { $session{watch}->query_safe(qq(SELECT count(*) FROM pg_stat_activity a JOIN olist_etl.run r USING (pid)
			WHERE r.workflow = '$workflow' AND r.status = 'RUNNING'
			  AND a.wait_event IN ('Extension', 'advisory'))) eq '1' }, "$workflow has launched what it may");
}
kill 'CONT', $postmaster;
poll_until(sub { $session{watch}->query_safe(q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 6105 AND NOT granted)) >= 3 },
	'three tasks are under way');
is($session{watch}->query_safe(q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'olist_etl worker')), '2',
	'two sessions at once have no more workers than there may be');
$flow->release;
$_->quit foreach values %session;
$flow->ended_as('SUCCEEDED', 'two sessions at once');
$flow->scalar_is(q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), 0, '... and all places are free again');
set_system('ALTER SYSTEM RESET olist_etl.max_workers_total');

# W19: time limits and read-only defaults of the role do not reach its workers
$session = $node->background_psql('postgres', extra_params => [ '-U', 'etl' ]);
$session->query_safe('SELECT 1');
$flow->sql(q(ALTER ROLE etl SET statement_timeout = '1ms'; ALTER ROLE etl SET default_transaction_read_only = on;
	ALTER ROLE etl SET default_transaction_isolation = 'serializable'));
$session->query_safe(q(SET client_min_messages = warning; CALL olist_etl.run('of_etl', '[1, 2]')));
$session->quit;
$flow->ended_as('SUCCEEDED', 'hostile defaults of the role');
$flow->sql('ALTER ROLE etl RESET ALL');

# W3, T8: a role that may not log in gets no workers, and is told why
$flow->sql('ALTER ROLE other NOLOGIN');
$node->safe_psql('postgres', "SET ROLE other; SELECT olist_etl.create_workflow('of_other', \$json\$" . $flow->map_of('hold') . '$json$)');
($err) = $flow->finish($flow->start_call(q(SET ROLE other; CALL olist_etl.run('of_other', '[1, 2]');)));
like($err, qr/cannot connect as a role without LOGIN/, 'a role without LOGIN is told why it has no workers');
$flow->ended_as('SUCCEEDED', 'a role without LOGIN');

# T8: a role that is dropped while its run goes on
$flow->hold;
$session = $flow->start_call(q(SET ROLE other; SET olist_etl.max_workers = 0; CALL olist_etl.run('of_other', '[1, 2]');));
$flow->wait_for_tasks(1);
$flow->sql('DROP OWNED BY other; DROP ROLE other');
$flow->release;
($err) = $flow->finish($session);
like($err, qr/28000: the role that executes run \d+ does not exist any more/, 'a role that is gone ends its run');
is($flow->last_run, 'FAILED', '... FAILED');

# W22: nothing of many runs stays behind in shared memory
sub shared_segments { return scalar(() = glob $node->data_dir . '/pg_dynshmem/*') }
my $segments = shared_segments();
$flow->workflow('work_map', $flow->map_of('work'));
$flow->sql(join "\n", 'SET client_min_messages = warning;', (q(CALL olist_etl.run('work_map', '[1, 2]');)) x 50);
is(shared_segments(), $segments, 'fifty runs leave no shared memory behind');

# C1: DROP EXTENSION waits for the end of the run, and holds nothing up before
$flow->hold;
$session = $flow->start_call($two);
$flow->wait_for_tasks(2);
my $drop = $flow->start_call('DROP EXTENSION olist_etl CASCADE;', name => 'drop');
poll_until(sub { $flow->sql(q(SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'object')) == 1 }, 'DROP EXTENSION waits');
$flow->release;
($err, $out) = $flow->finish($session);
like($out, qr/SUCCEEDED/, 'the run ends as if nobody waited');
($err) = $flow->finish($drop);
unlike($err, qr/ERROR/, '... and then the extension is dropped');

$node->stop;
done_testing();
