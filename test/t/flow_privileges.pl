# A role with exactly the grants that the README names runs, resumes, cancels and
# looks at its own runs, and cannot touch or see others'. Whatever is done to
# roles, memberships and functions between creating a workflow, running it, and
# its attempts, nothing is executed as anybody but the caller.
# (SECURITY rows T4, T5, T8, T9, T28, T31.)
use strict;
use warnings;

use Olist;
use Olist::Flow;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main', 'max_worker_processes = 8');
my $flow = Olist::Flow->new($node);

# the README's own words, for two roles
my ($grants) = slurp_file("$repository/README.md") =~ /A role that runs the pipeline.*?```sql\n(.*?)```/s;
foreach my $role ('etl', 'other')
{
	(my $sql = $grants) =~ s/\bwarehouse\b/postgres/;
	$sql =~ s/\betl;/$role;/g;
	$flow->sql("CREATE ROLE $role LOGIN; $sql");
}

# what a role gets back for SQL: its output, or the error that stopped it
sub as
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET client_min_messages = warning;\n$sql",
		extra_params => [ '-U', $role ]);
	return $status == 0 ? $out : ($err =~ /ERROR:  (.*)/)[0];
}

sub refused
{
	my ($role, $sql, $code, $what) = @_;
	like(as($role, $sql), qr/^$code: /, $what);
	return;
}

sub create { my ($role, $name, $definition) = @_; return as($role, "SELECT olist_etl.create_workflow('$name', \$json\$$definition\$json\$)") }

# a task that says as whom it is executed
$flow->sql(q(CREATE FUNCTION flow_test.who(argument jsonb) RETURNS jsonb LANGUAGE sql AS
	'SELECT to_jsonb(current_user || CASE WHEN session_user = current_user THEN '''' ELSE '' for '' || session_user END)'));
is(create('etl', 'who', $flow->map_of('who')), 1, 'a role with the grants of the README makes a workflow');
as('etl', q(CALL olist_etl.run('who', '[1, 2]')));
my $run = $flow->sql('SELECT max(run_id) FROM olist_etl.run');
is(as('etl', "SELECT status, output FROM olist_etl.run WHERE run_id = $run"), 'SUCCEEDED|["etl","etl"]', '... and runs it as itself');
is(as('etl', q(SET client_min_messages = error; SELECT olist_etl.check_workflow('olist'))), '', '... and could run the pipeline');
like(as('etl', q(CALL olist_etl.run(dry_run => true))), qr/^\|SUCCEEDED\|9\|\d+\|0\|/, '... which a dry run does');

# its own run, and what another role makes of that
my %looks = (
	'run_history()' => "SELECT count(*) > 3 FROM olist_etl.run_history($run)",
	'progress' => "SELECT count(*) = 1 FROM olist_etl.progress WHERE run_id = $run",
	'run' => "SELECT count(*) = 1 FROM olist_etl.run WHERE run_id = $run",
	'task' => "SELECT count(*) = 2 FROM olist_etl.task WHERE run_id = $run",
	'event' => "SELECT count(*) > 3 FROM olist_etl.event WHERE run_id = $run",
	'workflow' => "SELECT count(*) = 1 FROM olist_etl.workflow WHERE name = 'who'",
	'graph()' => "SELECT olist_etl.graph($run) LIKE '%Item%'",
	'timeline()' => "SELECT olist_etl.timeline($run) LIKE '%Item%'",
	'cost()' => "SELECT count(*) > 0 FROM olist_etl.cost($run)");
foreach my $look (sort keys %looks)
{
	is(as('etl', $looks{$look}), 't', "$look shows a role its own run");
	unlike(as('other', $looks{$look}), qr/^t$/, '... and not that of another');
}
refused('other', q(CALL olist_etl.run('who', '[1]')), '42501', 'a workflow of another is not run');
refused('other', "CALL olist_etl.resume($run)", '42501', '... nor a run of another resumed');
refused('other', "SELECT olist_etl.cancel($run)", '42501', '... nor cancelled');
refused('other', q(SELECT olist_etl.drop_workflow('who')), '42501', '... nor its workflow dropped');
refused('other', q(SELECT olist_etl.graph('who')), '\w{5}', '... nor drawn');
refused('other', q(UPDATE olist_etl.run SET owner = 'other'), '42501', '... nor its row written');
like(create('other', 'who', $flow->one_of('who')), qr/^42501/, '... nor given another version');

# cancelled from another session of the role, then resumed, while the other role may not
create('etl', 'hold', $flow->map_of('hold'));
$flow->hold;
my $call = $flow->start_call(q(CALL olist_etl.run('hold', '[1, 2, 3]');), user => 'etl');
$flow->wait_for_tasks(2);
my $held = $flow->sql('SELECT max(run_id) FROM olist_etl.run');
refused('other', "SELECT olist_etl.cancel($held)", '42501', 'a run that goes on is not cancelled by another');
refused('other', q(SELECT pg_cancel_backend(pid) FROM olist_etl.run) . ' UNION ALL SELECT pg_cancel_backend(' . $flow->call_pid . ')', '42501', '... by no way');
is(as('other', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'olist_etl worker' AND query <> '<insufficient privilege>')), 0, '... nor are its tasks seen');
is(as('etl', "SELECT status, now FROM olist_etl.progress WHERE run_id = $held"), 'RUNNING|Item', 'its role sees how it goes on');
is(as('etl', "SELECT olist_etl.cancel($held)"), 't', '... and cancels it from another session');
like(($flow->finish($call))[0], qr/57014/, '... whose call ends');
$flow->release;
like(as('etl', "CALL olist_etl.resume($held)"), qr/^$held\|SUCCEEDED/, '... and resumes it');
is(as('etl', "SELECT bool_and(role = 'etl'), count(*) FROM flow_test.done"), 't|3', '... as itself');

# a wait for a run of another session of the role
$flow->hold;
$call = $flow->start_call(q(CALL olist_etl.run('hold', '[4]');), user => 'etl');
$flow->wait_for_tasks(1);
my $waiting = $flow->start_call(q(CALL olist_etl.run('hold', '[5]', wait => true);), user => 'etl', name => 'waiting');
poll_until(sub { $flow->sql(q(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waiting' AND wait_event = 'advisory')) == 1 }, 'a second session waits');
$flow->release;
$flow->finish($_) foreach $call, $waiting;
is(as('etl', 'SELECT string_agg(status, $$ $$) FROM (SELECT status FROM olist_etl.run ORDER BY run_id DESC LIMIT 2) AS r'), 'SUCCEEDED SUCCEEDED', 'two sessions run it in turn');

# functions that lie in wait on the caller's path are not found by the engine
$flow->sql(q(CREATE SCHEMA trap; GRANT USAGE, CREATE ON SCHEMA trap TO other;
	CREATE TABLE trap.caught (what text, who text DEFAULT current_user); GRANT ALL ON trap.caught TO PUBLIC;));
as('other', q(
	CREATE FUNCTION trap.equals(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN INSERT INTO trap.caught VALUES ('='); RETURN $1 OPERATOR(pg_catalog.=) $2; END$$;
	CREATE OPERATOR trap.= (FUNCTION = trap.equals, LEFTARG = text, RIGHTARG = text);
	CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$BEGIN INSERT INTO trap.caught VALUES ('clock'); RETURN pg_catalog.now(); END$$;
	CREATE FUNCTION trap.hashtextextended(text, bigint) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN INSERT INTO trap.caught VALUES ('hash'); RETURN 1; END$$;
	CREATE FUNCTION trap.format(text, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN INSERT INTO trap.caught VALUES ('format'); RETURN ''; END$$;
	CREATE FUNCTION trap.who(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN INSERT INTO trap.caught VALUES ('task'); RETURN '{}'; END$$;
	GRANT USAGE ON SCHEMA trap TO etl, PUBLIC;));
create('etl', 'bare', $flow->one_of('who') =~ s/flow_test\.//r);
foreach my $role ('etl', 'postgres')
{
	my $path = q(SET search_path = trap, pg_catalog;);
	as($role, qq($path CALL olist_etl.run('who', '[1, 2]')));
	as($role, qq($path SELECT * FROM olist_etl.progress; SELECT * FROM olist_etl.run_history($run); SELECT olist_etl.graph($run); SELECT olist_etl.cancel($run);));
	like(as($role, qq($path CALL olist_etl.run('bare'))), qr/SQLSTATE\.42883|42883/, 'a task without a schema is not looked up on the path');
}
$flow->scalar_is(q(SELECT string_agg(DISTINCT what || ' as ' || who, ', ') FROM trap.caught), '', 'nothing on the search path is executed');

# row-level security holds in tasks, whatever the session says
$flow->sql(q(CREATE TABLE flow_test.secret (owner name, what text); INSERT INTO flow_test.secret VALUES ('etl', 'mine'), ('other', 'theirs');
	ALTER TABLE flow_test.secret ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON flow_test.secret USING (owner = current_user); GRANT SELECT ON flow_test.secret TO PUBLIC;
	CREATE FUNCTION flow_test.secrets(argument jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT jsonb_agg(what) FROM flow_test.secret'));
create('etl', 'secrets', $flow->map_of('secrets'));
foreach my $workers (0, 2)
{
	as('etl', "SET row_security = off; SET olist_etl.max_workers = $workers; CALL olist_etl.run('secrets', '[1, 2]')");
	is($flow->last_run('output'), '[["mine"],["mine"]]', "row-level security holds with $workers workers");
}

# a function of another's rights: with its owner's where the owner says so and lets us, else not at all
as('other', q(CREATE SCHEMA of_other; GRANT USAGE ON SCHEMA of_other TO etl;
	CREATE FUNCTION of_other.definer(jsonb) RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS 'SELECT to_jsonb(current_user)';
	CREATE FUNCTION of_other.changing(jsonb) RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not yet''; END'));
create('etl', 'definer', $flow->map_of('who') =~ s/flow_test\.who/of_other.definer/r);
as('etl', q(CALL olist_etl.run('definer', '[1, 2]')));
is($flow->last_run('output'), '["other","other"]', 'a SECURITY DEFINER function is executed as its owner, who gave it away');
as('other', 'REVOKE EXECUTE ON FUNCTION of_other.definer FROM PUBLIC');
as('etl', q(CALL olist_etl.run('definer', '[1, 2]')));
is($flow->last_run('status, error'), 'FAILED|States.Permissions', '... and not when the owner has taken it back');

# the function changes between two attempts: each attempt is checked anew
my $retry = ', "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]';
my %changes = (
	'REVOKE EXECUTE ON FUNCTION of_other.changing FROM PUBLIC' => 'FAILED|States.Permissions|',
	q(CREATE OR REPLACE FUNCTION of_other.changing(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(current_user)'; GRANT EXECUTE ON FUNCTION of_other.changing TO PUBLIC) => 'SUCCEEDED||"etl"',
	'DROP FUNCTION of_other.changing' => 'FAILED|SQLSTATE.42883|');
create('etl', 'changing', $flow->one_of('who', $retry) =~ s/flow_test\.who/of_other.changing/r);
foreach my $change ((sort keys %changes)[2, 0, 1])
{
	as('other', q(CREATE OR REPLACE FUNCTION of_other.changing(jsonb) RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not yet''; END'; GRANT EXECUTE ON FUNCTION of_other.changing TO PUBLIC));
	$call = $flow->start_call(q(CALL olist_etl.run('changing', '1');), user => 'etl');
	poll_until(sub { $flow->sql(q(SELECT count(*) FROM olist_etl.task t JOIN olist_etl.run r USING (run_id) WHERE r.status = 'RUNNING' AND t.status = 'FAILED')) == 1 }, 'the first attempt has failed');
	as('other', $change);
	$flow->finish($call);
	is($flow->last_run(q(concat_ws('|', status, coalesce(error, ''), coalesce(output::text, '')))), $changes{$change}, "between two attempts: $change");
}

# memberships and roles that change between making a workflow, running it, and going on
$flow->sql('CREATE ROLE member LOGIN; GRANT etl TO member; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA olist_etl TO member; GRANT SELECT ON ALL TABLES IN SCHEMA olist_etl TO member;
	CREATE TABLE flow_test.switch (fails boolean); INSERT INTO flow_test.switch VALUES (true); GRANT SELECT ON flow_test.switch TO PUBLIC;
	CREATE FUNCTION flow_test.maybe(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT to_jsonb(1 / CASE WHEN fails THEN 0 ELSE 1 END) FROM flow_test.switch$$');
create('etl', 'maybe', $flow->one_of('maybe'));
as('member', q(CALL olist_etl.run('maybe', '1')));
my $failed = $flow->sql('SELECT max(run_id) FROM olist_etl.run');
is($flow->last_run('status, owner'), 'FAILED|member', 'a member of the role runs its workflow, as himself');
$flow->sql('REVOKE etl FROM member; UPDATE flow_test.switch SET fails = false');
refused('member', q(CALL olist_etl.run('maybe', '1')), '42501', '... not when he is none any more');
refused('member', "CALL olist_etl.resume($failed)", '42501', '... nor does he go on with it');
$flow->sql('GRANT etl TO member');
like(as('member', "CALL olist_etl.resume($failed)"), qr/^$failed\|SUCCEEDED/, '... until he is one again');

$flow->sql('ALTER ROLE etl RENAME TO renamed');
like(as('renamed', q(CALL olist_etl.run('maybe', '1'))), qr/^42501: permission denied for workflow "maybe"/, 'a role that is renamed is told that the workflow is of a role that is no more');
$flow->sql('ALTER ROLE renamed RENAME TO etl');
$flow->sql('ALTER ROLE etl NOLOGIN');
is($flow->sql(q(SET client_min_messages = error; SET ROLE etl; CALL olist_etl.run('who', '[1, 2]'); SELECT output FROM olist_etl.run ORDER BY run_id DESC LIMIT 1)) =~ s/.*\n//sr,
	'["etl for postgres","etl for postgres"]', 'as a role without LOGIN the session executes it, with no right but the role\'s');
$flow->sql('DROP OWNED BY etl; DROP ROLE etl');
refused('member', q(CALL olist_etl.run('maybe', '1')), '42501', 'a workflow of a role that is gone is nobody\'s');
refused('other', q(CALL olist_etl.run('maybe', '1')), '42501', '... of those that have no right to everything');

$node->stop;
done_testing();
