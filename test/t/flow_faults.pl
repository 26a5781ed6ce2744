# Faults of the server around a run, each named by its row of the fault table:
# workers that never come (W2) or are stopped while they connect (W23), a launcher
# that rolls back (W9), storms of retries (W14), a poison step (W15), a standby that
# is gone (W24), a client that never learns what became of its commit (W25),
# hostile locks (T30), nesting (T36), and the extension dropped (C1) or updated (C2)
# during a run.
use strict;
use warnings;

use Olist;
use Olist::Flow;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $server = fault_server();
my $node = PostgreSQL::Test::Cluster->new('main', install_path => $server);
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_worker_processes = 8\nlog_min_messages = debug1\nautovacuum = off\nwal_level = replica\nmax_wal_senders = 2");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION olist_etl');
my $flow = Olist::Flow->new($node);
$flow->workflow('hold_map', $flow->map_of('hold', $flow->retry));
$flow->workflow('hold_one', $flow->one_of('hold', $flow->retry));
$flow->workflow('work_one', $flow->one_of('work'));
$flow->workflow('work_map', $flow->map_of('work', $flow->retry));
my $two = q(CALL olist_etl.run('hold_map', '[1, 2]'););
my $log;

sub mark_log { $log = -s $node->logfile; return }

sub in_log
{
	my ($pattern) = @_;
	return scalar(() = slurp_file($node->logfile, $log) =~ /$pattern/g);
}

my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
my $launches = qr/DEBUG:  registering background worker "olist_etl worker/;

# W2: no process can be forked; the session finds out and does the work itself
{
	my $session = $node->background_psql('postgres');
	$session->query_safe('SET client_min_messages = warning');
	my $limit = qx(prlimit --pid $postmaster --nproc --noheadings --output SOFT --raw);
	chomp $limit;
	mark_log();
	system('prlimit', '--pid', $postmaster, '--nproc=1:') == 0 or die 'prlimit';
	my $forbidden = $node->psql('postgres', 'SELECT 1') != 0;
	my $start = time;
	$session->query_safe(q(CALL olist_etl.run('work_map', '[1, 2, 3]')));
	my $seconds = time - $start;
	system('prlimit', '--pid', $postmaster, "--nproc=$limit:") == 0 or die 'prlimit';
	$session->quit;
  SKIP:
	{
		skip 'the limit of processes does not hold for this user', 4 unless $forbidden;
		is($flow->last_run('status'), 'SUCCEEDED', 'W2: a run whose workers cannot be forked');
		$flow->scalar_is(q(SELECT bool_and(t.pid = r.pid) FROM olist_etl.task t JOIN olist_etl.run r USING (run_id)), 't', '... the session does the work');
		cmp_ok($seconds, '<', 10, '... soon');
		cmp_ok(in_log($launches), '<=', 16, '... after a bounded number of attempts');
	}
}

# W2: a postmaster that does not answer: workers are registered and nobody forks them
{
	my $session = $node->background_psql('postgres');
	$session->query_safe('SET client_min_messages = warning');
	kill 'STOP', $postmaster;
	my $start = time;
	$session->query_safe(q(CALL olist_etl.run('work_map', '[4, 5]')));
	my $seconds = time - $start;
	kill 'CONT', $postmaster;
	$session->quit;
	is($flow->last_run, 'SUCCEEDED', 'W2: workers that nobody forks are given up');
	cmp_ok($seconds, '<', 20, '... in time');
	poll_until(sub { $flow->workers == 0 }, 'none of them comes too late');
	$flow->scalar_is(q(SELECT string_agg(what, ' ' ORDER BY what) FROM flow_test.done), '1 2 3 4 5', '... and each task is done once');
}

# W9: nothing is launched by a transaction that rolls back
{
	mark_log();
	$node->psql('postgres', q(BEGIN; CALL olist_etl.run('work_map', '[1, 2]', atomic => true); ROLLBACK;));
	is(in_log($launches), 0, 'W9: a run in a transaction that is rolled back launches nothing');
	$flow->finish($flow->start_call(q(CALL olist_etl.run('work_map', '[1, 2]');), options => '-c olist_etl.fault=flow-schedule-commit-before=error'));
	is(in_log($launches), 0, '... nor does one whose tasks were not committed');
	is($flow->last_run('status, error'), 'FAILED|SQLSTATE.XX000', '... which is on record');
	$flow->hold;
	my $call = $flow->start_call($two);
	$flow->wait_for_tasks(2);
	$flow->scalar_is(q(SELECT count(*) FROM olist_etl.task WHERE status = 'RUNNING'), 2, '... and what workers do is committed before they do it');
	$flow->release;
	$flow->finish($call);
}

# W14: retries wait, at most so long, and nobody is told more than once a failure
{
	$flow->sql(q(CREATE FUNCTION flow_test.fail(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS
		'BEGIN RAISE EXCEPTION ''no luck with %'', argument; END'));
	my $retry = ', "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 10, "MaxDelaySeconds": 2, "MaxAttempts": 3}]';
	$flow->workflow('storm', $flow->map_of('fail', $retry));
	mark_log();
	my $start = time;
	my ($err) = $flow->finish($flow->start_call(q(CALL olist_etl.run('storm', '[1, 2, 3, 4]');)));
	cmp_ok(time - $start, '>', 4.5, 'W14: retries are delayed');
	cmp_ok(time - $start, '<', 15, '... up to a limit');
	$flow->scalar_is(q(SELECT max(attempt) FROM olist_etl.task WHERE run_id = (SELECT max(run_id) FROM olist_etl.run)), 3, '... and number what they may');
	$flow->scalar_is(q(SELECT count(*) FROM (SELECT scheduled_at - lag(ended_at) OVER (PARTITION BY item ORDER BY attempt) AS gap FROM olist_etl.task
		WHERE run_id = (SELECT max(run_id) FROM olist_etl.run)) AS t WHERE gap < '0.9s' OR gap > '4s'), 0, '... each after its time');
	is(in_log(qr/(?:LOG|WARNING|ERROR|FATAL):  .*no luck/), 0, '... without a line in the log');

	# a worker that dies each time it is given this task
	$flow->workflow('lethal', $flow->map_of('work', $flow->retry =~ s/"MaxAttempts": 5/"MaxAttempts": 2/r));
	mark_log();
	($err) = $flow->finish($flow->start_call(q(CALL olist_etl.run('lethal', '["a", "b", "c"]');), options => '-c olist_etl.fault=flow-task-before=terminate -c olist_etl.max_workers=2'));
	like($flow->last_run('status, error'), qr/^(?:FAILED\|Olist.WorkerCrashed|ABORTED\|)$/, 'W14: a task that takes its worker along each time is given up');
	cmp_ok(in_log($launches), '<=', 10, '... after a bounded number of workers');
}

# W15: a poison step stops at its limit, what follows it is skipped, its siblings finish
{
	$flow->sql('TRUNCATE flow_test.done');
	$flow->workflow('poison', '{"StartAt": "Map", "States": {
		"Map": {"Type": "Map", "ToleratedFailureCount": 1, "Next": "After", "ItemProcessor": {"StartAt": "Bad?", "States": {
			"Bad?": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Poison"}], "Default": "Good"},
			"Poison": {"Type": "Task", "Resource": "olist:flow_test.fail", "Next": "Downstream",
				"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]},
			"Downstream": {"Type": "Task", "Resource": "olist:flow_test.work", "End": true},
			"Good": {"Type": "Task", "Resource": "olist:flow_test.work", "End": true}}}},
		"After": {"Type": "Pass", "Result": "after", "End": true}}}');
	$flow->sql(q(CALL olist_etl.run('poison', '[1, 2, 3, 4]')));
	is($flow->last_run('status, output'), 'SUCCEEDED|"after"', 'W15: a poison item that is tolerated');
	$flow->scalar_is(q(SELECT string_agg(what, ' ' ORDER BY what) FROM flow_test.done), '1 3 4', '... its siblings finish, what follows it is not done');
	$flow->scalar_is(q(SELECT count(*) FROM olist_etl.task WHERE state = 'Poison'), 2, '... and it was tried as often as it may');
}

# W8: a cancel finds a run in every kind of state
{
	my $wait = '"Type": "Wait", "Seconds": 60, "End": true';
	my %states = (
		'a Wait' => qq({"StartAt": "A", "States": {"A": {$wait}}}),
		'a Wait for a far time' => '{"StartAt": "A", "States": {"A": {"Type": "Wait", "Timestamp": "2999-01-01T00:00:00Z", "End": true}}}' =~ s/2999/2027/r,
		'the delay of a retry' => $flow->one_of('fail', ', "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60}]'),
		'a Parallel in a Map' => qq({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true,
			"Branches": [{"StartAt": "A", "States": {"A": {$wait}}}, {"StartAt": "B", "States": {"B": {$wait}}}]}}}}}}),
		'a loop of Pass and Choice' => '{"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "C"},
			"C": {"Type": "Choice", "Choices": [{"Variable": "$", "IsPresent": true, "Next": "P"}], "Default": "S"}, "S": {"Type": "Succeed"}}}');
	my $name = 'a';
	foreach my $what (sort keys %states)
	{
		$flow->workflow('in_' . ++$name, $states{$what});
		my $call = $flow->start_call("CALL olist_etl.run('in_$name', '[1, 2]'); SELECT 'usable';");
		my $run = "SELECT run_id FROM olist_etl.run WHERE workflow = 'in_$name' AND status = 'RUNNING'";
		poll_until(sub { $flow->sql("SELECT count(*) FROM olist_etl.event WHERE run_id = ($run)") > 0 }, "the run is in $what");
		my $start = time;
		$flow->sql("SELECT olist_etl.cancel(($run))");
		my ($err, $out) = $flow->finish($call);
		cmp_ok(time - $start, '<', 3, "W8: a run in $what is cancelled at once");
		is($out . $flow->last_run, "usable\nABORTED", '... and is ABORTED');
	}
}

# W23: workers are stopped, or their session goes, while they connect
{
	$flow->sql('TRUNCATE flow_test.done');
	foreach my $whom ('the workers are', 'the run is')
	{
		# the login of every new session waits for this lock; the one that calls is there already
		my $locker = $node->background_psql('postgres');
		my $caller = $node->background_psql('postgres', on_error_stop => 0);
		my $killer = $node->background_psql('postgres');
		$caller->query_safe(q(SET client_min_messages = warning; SET application_name = 'caller'; CALL olist_etl.run('work_one', '"warm"')));
		my $pid = $caller->query_safe('SELECT pg_backend_pid()');
		my $connecting = q(SELECT string_agg(pid::text, ' ') FROM pg_locks WHERE NOT granted AND relation = 'pg_db_role_setting'::regclass);
		$killer->query_safe("SELECT pid FROM pg_locks WHERE relation = 'pg_db_role_setting'::regclass");
		$locker->query_safe('BEGIN; LOCK TABLE pg_db_role_setting IN ACCESS EXCLUSIVE MODE');
		$caller->{stdin} .= "CALL olist_etl.run('work_map', '[1, 2]');\n\\echo done\n";
		$caller->{run}->pump_nb;
		my $pids = '';
		poll_until(sub { $caller->{run}->pump_nb; ($pids = $killer->query_safe($connecting) // '') =~ / / }, 'two workers connect');
		if ($whom =~ /workers/)
		{
			kill 'TERM', split / /, $pids;
		}
		else
		{
			kill 'INT', $pid;
		}
		poll_until(sub { ($killer->query_safe($connecting) // '') !~ /\b(?:@{[ $pids =~ s{ }{|}r ]})\b/ }, 'they are gone');
		$locker->query_safe('ROLLBACK');
		poll_until(sub { $caller->{run}->pump_nb; $caller->{stdout} =~ /done/ }, 'the call returns');
		$_->quit foreach $locker, $caller, $killer;
		is($flow->last_run, $whom =~ /workers/ ? 'SUCCEEDED' : 'ABORTED', "W23: $whom stopped while workers connect");
		poll_until(sub { $flow->workers == 0 }, '... no worker stays');
	}
	$flow->scalar_is(q(SELECT string_agg(what, ' ' ORDER BY what) FROM flow_test.done WHERE what <> 'warm'), '1 2', '... each task was done once');
	is((split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0], $postmaster, '... and the server has not restarted');
}

# W24: commits wait for a synchronous standby that is gone; a cancel is enough
{
	$flow->workflow('chain', '{"StartAt": "A", "States": {' . join(', ',
			map { qq("$_->[0]": {"Type": "Task", "Resource": "olist:flow_test.work", "ResultPath": null, $_->[1]}) }
			  [ 'A', '"Next": "B"' ], [ 'B', '"Next": "C"' ], [ 'C', '"End": true' ]) . '}}');
	$node->append_conf('postgresql.conf', "synchronous_standby_names = 'gone'");
	$node->reload;
	local $ENV{PGOPTIONS} = '-c synchronous_commit=local';
	my $waits = q(SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep');
	foreach my $workers (0, 2)
	{
		my $call = $flow->start_call(qq(SET olist_etl.max_workers = $workers; CALL olist_etl.run('chain', '"s"');), options => '-c synchronous_commit=on');
		poll_until(sub { $flow->sql($waits) == 1 }, 'a commit waits');
		my $start = time;
		$flow->sql('SELECT pg_cancel_backend(' . $flow->call_pid . ')');
		my ($err) = $flow->finish($call);
		cmp_ok(time - $start, '<', 3, "W24: a run that waits for a standby is cancelled at once");
		like($err, qr/ERROR:  57014: canceling statement due to user request\nDETAIL:  The last transaction is committed here/, '... and told why');
		is($flow->last_run, 'ABORTED', '... it is ABORTED');
	}
	my $call = $flow->start_call(q(CALL olist_etl.run('work_map', '[1, 2]');), options => '-c synchronous_commit=on');
	poll_until(sub { $flow->sql($waits) == 1 }, 'the first commit waits');
	$node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
	$node->reload;
	my ($err) = $flow->finish($call);
	unlike($err, qr/ERROR/, 'W24: when nobody waits for a standby any more, the run goes on');
	is($flow->last_run, 'SUCCEEDED', '... to its end');
}

# W25: the client is gone at the commit; who asks by the run's input learns the truth
foreach my $point ('flow-begin-commit-before', 'flow-begin-commit-after', 'flow-end-commit-before', 'flow-end-commit-after')
{
	$flow->sql('TRUNCATE flow_test.done');
	my $token = "token $point";
	my $call = $flow->start_call(qq(CALL olist_etl.run('work_one', '"$token"');), options => "-c olist_etl.fault=$point=sleep");
	mark_log();
	my $pid;
	poll_until(sub { $flow->sql(q(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'flow_call' AND wait_event = 'Extension')) == 1 }, "the session sleeps at $point");
	$call->{harness}->kill_kill;
	poll_until(sub { $flow->call_pid eq '' }, 'the server notices that the client is gone');
	my $asked = $flow->sql(qq(SELECT status FROM olist_etl.run WHERE input #>> '{}' = '$token'));
	my $done = $flow->sql('SELECT count(*) FROM flow_test.done');
	is("$asked $done", { 'flow-begin-commit-before' => ' 0', 'flow-begin-commit-after' => 'ABORTED 0',
		'flow-end-commit-before' => 'ABORTED 1', 'flow-end-commit-after' => 'SUCCEEDED 1' }->{$point}, "W25: the client is gone at $point: the run's row tells");
	next if $asked eq '' || $asked eq 'SUCCEEDED';
	$flow->sql('CALL olist_etl.resume()');
	is($flow->last_run . ' ' . $flow->sql('SELECT count(*) FROM flow_test.done'), 'SUCCEEDED 1', '... and it is resumed without doing anything twice');
}

# T30: a hostile user takes every lock that he can
{
	$flow->sql(q(CREATE ROLE etl LOGIN; CREATE ROLE hostile LOGIN; GRANT CREATE ON DATABASE postgres TO etl;
		GRANT EXECUTE ON ALL ROUTINES IN SCHEMA olist_etl TO etl; GRANT SELECT ON ALL TABLES IN SCHEMA olist_etl TO etl, hostile;
		GRANT EXECUTE ON PROCEDURE olist_etl.run TO hostile; GRANT EXECUTE ON FUNCTION olist_etl.create_workflow TO hostile;));
	$node->safe_psql('postgres', "SELECT olist_etl.create_workflow('of_etl', \$json\$" . $flow->map_of('work') . '$json$)', extra_params => [ '-U', 'etl' ]);
	my $hostile = $node->background_psql('postgres', extra_params => [ '-U', 'hostile' ]);
	$hostile->query_safe('SET client_min_messages = error; BEGIN');
	$hostile->query_safe(q(SELECT olist_etl.create_workflow('mine', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}')));
	$hostile->query_safe("LOCK TABLE olist_etl.$_ IN ACCESS SHARE MODE") foreach qw(workflow run task event ledger);
	# keys of our names as people would form them, and our very lock as it stands in pg_locks
	$hostile->query_safe("SELECT pg_advisory_lock(hashtext(n)), pg_advisory_lock(hashtextextended(n, 0)), pg_advisory_lock('olist_etl'::regnamespace::oid::int, hashtext(n)),
		pg_advisory_lock((hashtextextended(n, 0) >> 32)::int, (hashtextextended(n, 0) << 32 >> 32)::int)
		FROM unnest(ARRAY['of_etl', 'olist', 'theirs', 'olist_etl.create_staging', 'olist_etl.star.create_schema', 'olist_staging', 'olist_build', 'olist_dw']) AS n");
	my $session = $node->background_psql('postgres', extra_params => [ '-U', 'etl' ]);
	$session->query_safe(q(SET client_min_messages = warning; SET lock_timeout = '5s'));
	$session->query_safe(q(SELECT olist_etl.create_workflow('theirs', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}')));
	$session->query_safe(q(CALL olist_etl.run('of_etl', '[1, 2]')));
	is($flow->last_run('status, owner'), 'SUCCEEDED|etl', 'T30: no lock of a hostile user holds up a run');
	like($session->query_safe(q(SELECT olist_etl.discover('{"source": "olist"}') ->> 'new')), qr/^\d+$/m, '... nor the making of the staging tables');
	like($session->query_safe(q(SELECT olist_etl.build_dim_date('{}') ->> 'table')), qr/dim_date/, '... nor that of the schemas of the warehouse');
	my (undef, undef, $err) = $node->psql('postgres', q(\set VERBOSITY verbose
		SELECT olist_etl.create_workflow('mine', '{"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}')));
	like($err, qr/ERROR:  55P03: another transaction is changing workflow "mine"/, '... a name that is being taken is refused at once');
	$hostile->query_safe('COMMIT');
	$hostile->quit;

	# a run of the same workflow: who waits with a time limit is told for whom
	$flow->hold;
	my $call = $flow->start_call($two);
	$flow->wait_for_tasks(2);
	my $pid = $flow->call_pid;
	my $start = time;
	(undef, undef, $err) = $node->psql('postgres', q(\set VERBOSITY verbose
		SET lock_timeout = '200ms'; CALL olist_etl.run('hold_map', '[1]', wait => true)));
	like($err, qr/ERROR:  55P03:.*CONTEXT:  waiting for workflow "hold_map", which process $pid was running/s, 'T30: a wait that takes too long ends with the name of the holder');
	cmp_ok(time - $start, '<', 5, '... in time');
	$flow->release;
	$flow->finish($call);
	$session->quit;
}

# T36: what a task may start, and how deep
{
	$flow->sql(q(CREATE FUNCTION flow_test.calls(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
		DECLARE
			run_id bigint; status text; objects bigint; rows bigint; rejects bigint; seconds numeric;
		BEGIN
			CALL olist_etl.run('calls_' || (argument ->> 'n'), json_build_object('n', (argument ->> 'n')::int + 1, 'atomic', argument -> 'atomic'),
				false, (argument ->> 'atomic')::bool, false, run_id, status, objects, rows, rejects, seconds);
			RETURN argument;
		END $$;));
	$flow->workflow("calls_$_", $flow->map_of('calls') =~ s/"Type": "Map", /"Type": "Map", "ItemsPath": "\$.items", /r) foreach 0;
	$flow->workflow("calls_$_", $flow->one_of('calls')) foreach 1 .. 10;
	my ($err) = $flow->finish($flow->start_call(q(CALL olist_etl.run('calls_0', '{"items": [{"n": 1, "atomic": false}, {"n": 2, "atomic": false}]}');)));
	like($err, qr/ERROR:  2D000: .*DETAIL:.*cannot commit inside a transaction block or a function/s, 'T36: a run that commits, inside a task, is refused');
	($err) = $flow->finish($flow->start_call(q(CALL olist_etl.run('calls_0', '{"items": [{"n": 1, "atomic": true}, {"n": 1, "atomic": true}]}');)));
	like($err, qr/ERROR:  54001: .*runs are nested too deeply/s, 'T36: runs nested in workers, ten deep, are refused at a limit');
	$flow->scalar_is(q(SELECT count(*) FROM olist_etl.run WHERE workflow LIKE 'calls%' AND status = 'SUCCEEDED'), 0, '... and all of them undone');

	# a foreign table, read by a trigger, in a task
	$flow->sql(q(CREATE TABLE flow_test.fed (what text, n bigint);
		CREATE SERVER flow_files FOREIGN DATA WRAPPER olist_etl;
		CREATE FOREIGN TABLE flow_test.categories (product_category_name text, product_category_name_english text)
			SERVER flow_files OPTIONS (uri 'sample://olist/product_category_name_translation.csv');
		CREATE FUNCTION flow_test.feed() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN NEW.n := (SELECT count(*) FROM flow_test.categories); RETURN NEW; END';
		CREATE TRIGGER feed BEFORE INSERT ON flow_test.fed FOR EACH ROW EXECUTE FUNCTION flow_test.feed();
		CREATE FUNCTION flow_test.insert(argument jsonb) RETURNS jsonb LANGUAGE sql AS
			'INSERT INTO flow_test.fed VALUES (argument #>> ''{}'') RETURNING jsonb_build_object(''rows'', n)';));
	$flow->workflow('feeds', $flow->map_of('insert'));
	$flow->sql(q(CALL olist_etl.run('feeds', '["a", "b"]')));
	$flow->scalar_is(q(SELECT count(*), min(n) = (SELECT count(*) FROM flow_test.categories) FROM flow_test.fed), '2|t', 'T36: a foreign table in a trigger in a task is read');
}

# C1: the extension is dropped by a task of the run, where no lock keeps it from it
{
	$flow->sql(q(CREATE FUNCTION flow_test.drop(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS
		'BEGIN EXECUTE ''DROP EXTENSION olist_etl CASCADE''; RETURN argument; END'));
	$flow->workflow('drops', $flow->one_of('drop'));
	my ($err) = $flow->finish($flow->start_call(q(SET olist_etl.max_workers = 0; CALL olist_etl.run('drops', '"x"');)));
	like($err, qr/ERROR:  42704: extension "olist_etl" is not installed/, 'C1: a task that drops the extension ends its run with an error');
	$flow->scalar_is(q(SELECT count(*) FROM pg_extension WHERE extname = 'olist_etl'), 1, '... and is undone');
	is($flow->last_run('workflow, status'), 'drops|FAILED', '... the run is FAILED');
}

# C2: the extension is updated while a run goes on: the run ends well, or says why not
{
	my $version = $node->safe_psql('postgres', q(SELECT extversion FROM pg_extension WHERE extname = 'olist_etl'));
	chomp(my $share = qx("$server/bin/pg_config" --sharedir));
	my $directory = "$share/extension";
	foreach my $what ('the same version', 'another version')
	{
		my $to = $what =~ /same/ ? 'c2again' : 'c2other';
		my $script = "$directory/olist_etl--$version--$to.sql";
		unlink $script, "$directory/olist_etl--$to--$version.sql";
		append_to_file($script, q(ALTER TABLE olist_etl.run ADD COLUMN ) . $to . q( text; CREATE INDEX ON olist_etl.task (state);));
		append_to_file("$directory/olist_etl--$to--$version.sql", "SELECT 1;\n");
		$flow->sql('TRUNCATE flow_test.done');
		$flow->hold;
		my $call = $flow->start_call(q(CALL olist_etl.run('hold_map', '[1, 2, 3, 4]');));
		$flow->wait_for_tasks(2);
		my $update = $flow->start_call("ALTER EXTENSION olist_etl UPDATE TO '$to';" . ($what =~ /same/ ? "ALTER EXTENSION olist_etl UPDATE TO '$version';" : ''), name => 'update');
		poll_until(sub { $flow->sql(q(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'update' AND (wait_event_type IS NULL OR wait_event_type <> 'Lock'))) == 0 }, 'the update is done, or waits');
		$flow->release;
		my ($err) = $flow->finish($call);
		my ($trouble) = $flow->finish($update);
		is($trouble, '', "C2: an update to $what goes through");
		is($flow->last_run, 'SUCCEEDED', '... and the run of before ends well') or diag($err);
		$flow->scalar_is(q(SELECT string_agg(what, ' ' ORDER BY what) FROM flow_test.done), '1 2 3 4', '... with each task done once');
		if ($what =~ /other/)
		{
			my (undef, undef, $told) = $node->psql('postgres', q(CALL olist_etl.run('work_one', '"x"')));
			like($told, qr/library is of version \S+, its SQL objects are of version $to/, '... a new session says that the library does not fit');
		}
		unlink $script, "$directory/olist_etl--$to--$version.sql";
	}
}

$node->stop;
done_testing();
