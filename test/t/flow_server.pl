# The engine in the server around it: a standby, many sessions, databases that
# come and go, and pg_cron. (SECURITY rows W10, W17, W18, W20, W21, C8.)
use strict;
use warnings;

use Olist;
use Olist::Flow;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
my $has_cron = -e qx("$ENV{PG_CONFIG}" --pkglibdir) =~ s/\n//r . '/pg_cron.so';
$node->append_conf('postgresql.conf', "fsync = off\nmax_worker_processes = 16\nmax_connections = 40\n");
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\ncron.use_background_workers = on\n") if $has_cron;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION olist_etl');
my $flow = Olist::Flow->new($node);
$flow->workflow('hold_map', $flow->map_of('hold', $flow->retry));
$flow->workflow('hold_one', $flow->one_of('hold', $flow->retry));
$flow->workflow('work_one', $flow->one_of('work', $flow->retry));
my $two = q(CALL olist_etl.run('hold_map', '[1, 2]'););

# W10: of twenty sessions that run one workflow at once, one does
$flow->hold;
my @calls = map { $flow->start_call(q(CALL olist_etl.run('hold_one', '"x"');)) } 1 .. 20;
poll_until(sub { (grep { $flow->has_ended($_) } @calls) == 19 }, 'nineteen sessions are told at once');
$flow->release;
my @ends = map { (($flow->finish($_))[1] =~ /\|(\w+)\|/)[0] } @calls;
is(scalar(grep { $_ eq 'SUCCEEDED' } @ends), 1, 'one of twenty sessions ran the workflow');
is(scalar(grep { $_ eq 'RUNNING' } @ends), 19, '... and the others were told that it was running');
$flow->scalar_is('SELECT count(*) FROM olist_etl.run', 1, '... in one run');
$flow->scalar_is('SELECT count(*) FROM flow_test.done', 1, '... of one task');

# ... or each in its turn
$flow->hold;
@calls = map { $flow->start_call(q(CALL olist_etl.run('hold_one', '"y"', wait => true);), name => "call$_") } 1 .. 20;
poll_until(sub { $flow->sql(q(SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'call%' AND query LIKE 'CALL %')) == 20 },
	'twenty sessions wait');
is(scalar(grep { $flow->has_ended($_) } @calls), 0, 'none of twenty sessions that wait is told anything yet');
$flow->release;
$flow->finish($_) foreach @calls;
$flow->scalar_is(q(SELECT count(*) FROM flow_test.done WHERE what = 'y'), 20, '... and all run it, in turn');

# ... and a run of several tasks shows its picture, once
my (undef, undef, $told) = $node->psql('postgres', 'CALL olist_etl.run()');
is(scalar(() = $told =~ /^state +status +time /mg), 1, 'a run shows its picture at its end, once');

# a run that fails ends the script that called it, when all of it is committed
$flow->workflow('bad', '{"StartAt": "First", "States": {"First": {' . $flow->task('work') =~ s/"End": true/"Next": "Bad"/r . '}, "Bad": {' . $flow->task('bad') . '}}}');
$flow->sql(q(CREATE FUNCTION flow_test.bad(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS
	$$ BEGIN RAISE EXCEPTION 'it is bad' USING ERRCODE = 'OL001', HINT = 'Make it good.'; END $$));
my ($exit, $out);
($exit, $out, $told) = $node->psql('postgres', qq(\\set VERBOSITY verbose\nCALL olist_etl.run('bad', '"bad"');\nSELECT 'not reached';));
is("$exit|$out", '3|', 'a run that fails stops a script under ON_ERROR_STOP');
my $failed = $flow->last_run('run_id');
like($told, qr/ERROR:  OL001: run $failed of workflow "bad" failed: SQLSTATE\.OL001\nDETAIL:  it is bad\nHINT: Make it good\.\nHINT:  See olist_etl\.task and olist_etl\.run_history\($failed\)\. CALL olist_etl\.resume\($failed\) goes on/,
	'... with the error of the task');
$flow->ended_as('FAILED', 'a run that fails');
$flow->scalar_is(q(SELECT count(*) FROM flow_test.done WHERE what = 'bad'), 1, '... and what succeeded stays');
(undef, undef, $told) = $node->psql('postgres', "\\set VERBOSITY verbose\nCALL olist_etl.resume($failed)");
like($told, qr/ERROR:  OL001: run $failed of workflow "bad" failed/, 'so does a resume that fails again');
$flow->scalar_is(q(SELECT count(*) FROM flow_test.done WHERE what = 'bad'), 1, '... without doing anything twice');

# W20: a standby runs nothing, and says why; promoted, it goes on
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$flow->hold;
my $call = $flow->start_call($two);
$flow->wait_for_tasks(2);
$node->wait_for_catchup($standby);
foreach my $command ('CALL olist_etl.run()', 'CALL olist_etl.resume()', 'SELECT olist_etl.cancel(1)')
{
	my ($status, undef, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\n$command");
	like($err, qr/ERROR:  25006: cannot execute .* during recovery.*HINT:  Call it on the primary server/s, "on a standby: $command");
}
is($standby->safe_psql('postgres', q(SELECT status FROM olist_etl.progress LIMIT 1)), 'INTERRUPTED', 'a standby sees the run');
$standby->promote;
my $promoted = Olist::Flow->new_over($standby);
$promoted->sql('CALL olist_etl.resume()');
is($promoted->last_run('status, redrive_count'), 'SUCCEEDED|1', 'promoted, it goes on with it');
$standby->stop;
$flow->release;
$flow->finish($call);
$flow->ended_as('SUCCEEDED', 'the primary meanwhile');

# W21, C8: databases come and go
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION olist_etl');
my $other = Olist::Flow->new($node, dbname => 'other');
$other->workflow('hold_map', $other->map_of('hold', $other->retry));
$other->hold;
$call = $other->start_call($two);
$other->wait_for_tasks(2);
my (undef, undef, $err) = $node->psql('postgres', 'CREATE DATABASE copy TEMPLATE other');
like($err, qr/is being accessed by other users/, 'a database in which a run goes on is no template');
$node->safe_psql('postgres', 'DROP DATABASE other WITH (FORCE)');
$other->finish($call);
$other->forget_holder;
is($flow->workers, 0, 'a database that is dropped takes its run along');
$flow->sql(q(CALL olist_etl.run('work_one', '"z"')));
is($flow->last_run, 'SUCCEEDED', '... and nothing else');

# a database in an encoding of its own
$node->safe_psql('postgres', q(CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0));
$node->safe_psql('latin', 'CREATE EXTENSION olist_etl');
my $latin = Olist::Flow->new($node, dbname => 'latin');
$latin->sql(q(CREATE FUNCTION flow_test.echo(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS
	'BEGIN IF argument = to_jsonb(chr(223)) THEN RAISE EXCEPTION ''%'', chr(228); END IF; RETURN to_jsonb(chr(246) || (argument #>> ''{}'')); END'));
$latin->sql(q(SELECT olist_etl.create_workflow('w' || chr(246), replace('{"StartAt": "\u00dc", "States": {"\u00dc": {"Type": "Map", "ToleratedFailureCount": 1, "ResultPath": "$.~", "ItemsPath": "$.items", "Next": "After",
	"ItemProcessor": {"StartAt": "~", "States": {"~": {"Type": "Task", "Resource": "olist:flow_test.echo", "End": true}}}},
	"After": {"Type": "Pass", "Parameters": {"name.$": "$$.StateMachine.Name", "results.$": "$.~"}, "End": true}}}', '~', chr(233))::json)));
my (undef, undef, $told_latin) = $node->psql('latin', q(SET olist_etl.max_workers = 2; SET client_encoding = 'UTF8'; CALL olist_etl.run('w' || chr(246), '{"items": ["\u00fc", "a", "\u00df"]}')));
is($latin->sql(q(SELECT output::jsonb = jsonb_build_object('name', 'w' || chr(246), 'results', jsonb_build_array(chr(246) || chr(252), chr(246) || 'a',
	jsonb_build_object('Error', 'SQLSTATE.P0001', 'Cause', chr(228)))) FROM olist_etl.run)), 't', 'texts are those of the database, whatever its encoding');
is($latin->sql(q(SELECT string_agg(DISTINCT state, ' ' ORDER BY state) = 'After ' || chr(220) || ' ' || chr(233) FROM olist_etl.event WHERE state IS NOT NULL)), 't', '... also in the history');
unlike($told_latin, qr/WARNING/, '... and the run is shown');

# the engine does without pg_cron, and says how to get it
SKIP:
{
	skip 'pg_cron is not installed on this machine', 7 unless $has_cron;
	(undef, undef, $err) = $node->psql('postgres', q(SELECT olist_etl.schedule('* * * * *', 'work_one', '"cron"')));
	like($err, qr/extension "pg_cron" is not installed.*HINT:  Set shared_preload_libraries/s, 'without pg_cron schedule() says what to do');
	$flow->sql('CREATE EXTENSION pg_cron');

	# W17, W18: pg_cron runs it with the role's rights, once a minute, and never twice at a time
	$flow->sql(q(CREATE ROLE etl LOGIN; GRANT USAGE ON SCHEMA cron TO etl;
		GRANT EXECUTE ON PROCEDURE olist_etl.run TO etl;
		GRANT EXECUTE ON FUNCTION olist_etl.schedule, olist_etl.unschedule, olist_etl.create_workflow, olist_etl.check_workflow TO etl;));
	$node->safe_psql('postgres', "SELECT olist_etl.create_workflow('of_etl', \$json\$" . $flow->map_of('work') . '$json$)',
		extra_params => [ '-U', 'etl' ]);
	$node->safe_psql('postgres', q(SELECT olist_etl.schedule('* * * * *', 'of_etl', '["cron 1", "cron 2"]')), extra_params => [ '-U', 'etl' ]);
	poll_until(sub { $flow->sql(q(SELECT count(*) FROM cron.job_run_details WHERE status = 'succeeded')) > 0 }, 'pg_cron has run it', 90);
	is($flow->last_run('status, owner'), 'SUCCEEDED|etl', 'pg_cron runs a workflow as the role that scheduled it');
	$flow->scalar_is(q(SELECT string_agg(DISTINCT what || ' ' || role, ', ' ORDER BY what || ' ' || role) FROM flow_test.done WHERE what LIKE 'cron%'),
		'cron 1 etl, cron 2 etl', '... in workers of that role');
	is($node->safe_psql('postgres', q(SELECT olist_etl.unschedule('of_etl')), extra_params => [ '-U', 'etl' ]), 't', 'and a schedule can be taken back');
	is($node->safe_psql('postgres', q(SELECT olist_etl.unschedule('of_etl')), extra_params => [ '-U', 'etl' ]), 'f', '... once');
	(undef, undef, $err) = $node->psql('postgres', q(SELECT olist_etl.schedule('* * * * *', 'no_such_workflow')));
	like($err, qr/workflow "no_such_workflow" does not exist/, 'what could not be run is not scheduled');

	# W18: with Debian's setting a job has to log in, which is told before it fails
	$node->append_conf('postgresql.conf', 'cron.use_background_workers = off');
	$node->restart;
	(undef, undef, $err) = $node->psql('postgres', q(SELECT olist_etl.schedule('0 0 1 1 *', 'work_one')));
	like($err, qr/WARNING:  pg_cron logs in over TCP.*HINT:  Set cron.use_background_workers = on/s, 'a job that would have to log in is warned of');
}

$node->stop;
done_testing();
