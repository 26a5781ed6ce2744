# What the README says of scheduling: with these settings, and Debian's pg_cron,
# a job that calls run() executes the workflow, in a background worker, without
# a password anywhere, and ends as the run does. Where a dump with schedules is
# restored, they start nothing until somebody makes them again (SECURITY row T40).
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $pkglibdir = qx("$ENV{PG_CONFIG}" --pkglibdir);
chomp $pkglibdir;
plan skip_all => 'pg_cron is not installed' unless -e "$pkglibdir/pg_cron.so";

my $conf = <<'CONF';
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
CONF
my $node = olist_cluster('main', $conf);
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pg_cron;
SELECT olist_etl.create_workflow('bad', '{"StartAt": "Bad", "States": {"Bad": {"Type": "Fail", "Error": "Too.Bad", "Cause": "the cause"}}}');
SELECT olist_etl.schedule('* * * * *');
SELECT cron.schedule('bad', '* * * * *', 'CALL olist_etl.run(''bad'')');
SQL

# a dump that somebody has edited: the schedule of an hour is one of a minute
$node->safe_psql('postgres', q{SELECT olist_etl.schedule('0 * * * *', 'bad', '{"restored": true}')});
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump ], 'T40: a database with schedules is dumped');
$node->safe_psql('postgres', q{SELECT olist_etl.unschedule('bad')});
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init;
$restored->append_conf('postgresql.conf', $conf);
$restored->start;
(my $edited = slurp_file($dump)) =~ s/^(\d+\t)0 \* \* \* \*/$1* * * * */m or die 'no schedule in the dump';
append_to_file("$dump.edited", $edited);
$restored->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $restored->connstr('postgres'), '-f', "$dump.edited" ],
	'... and restored in another cluster');

poll_until(
	sub {
		$node->safe_psql('postgres',
			q(SELECT count(DISTINCT jobid) FROM cron.job_run_details WHERE status IN ('succeeded', 'failed'))) == 2;
	},
	'the jobs were executed');

# how a job ended, how its run did, and what the job says of it
sub ends
{
	my ($job, $workflow) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT d.status, r.status, replace(d.return_message, r.run_id::text, 'N')
		FROM cron.job j JOIN cron.job_run_details d USING (jobid), olist_etl.run r
		WHERE j.jobname = '$job' AND d.status IN ('succeeded', 'failed') AND r.workflow = '$workflow'
		ORDER BY d.runid, r.run_id LIMIT 1});
}
like(ends('olist_etl olist', 'olist'), qr/^succeeded\|SUCCEEDED\|/, 'the job succeeded, and so did the run');
like(ends('bad', 'bad'), qr/^failed\|FAILED\|ERROR: +run N of workflow "bad" failed: Too\.Bad\nDETAIL: +the cause\n/,
	'the job of a run that failed has failed, and says why');
is($node->safe_psql('postgres', q(SELECT subject, status, substr(detail, 1, 24) FROM olist_etl.doctor() WHERE subject LIKE 'schedule%')),
	"schedule bad|warning|* * * * *, and failed at\nschedule olist_etl olist|ok|* * * * *", 'doctor() tells both');
is($node->safe_psql('postgres', 'SELECT count(*) > 0 FROM olist_dw.mart_monthly_sales'),
	't', 'and there is a warehouse');

# there, the jobs of the dump have come due meanwhile
poll_until(
	sub {
		$restored->safe_psql('postgres', q{SELECT count(DISTINCT j.jobid) FROM cron.job_run_details d JOIN cron.job j USING (jobid)
			WHERE d.status = 'failed' AND j.jobname LIKE 'olist_etl %'}) == 2;
	},
	'the restored jobs came due');
is($restored->safe_psql('postgres', q{SELECT DISTINCT j.jobname, split_part(d.return_message, E'\n', 1)
		FROM cron.job_run_details d JOIN cron.job j USING (jobid) WHERE j.jobname LIKE 'olist_etl %' AND d.status = 'failed' ORDER BY 1}),
	"olist_etl bad|ERROR: this schedule was made in another database\nolist_etl olist|ERROR: this schedule was made in another database",
	'T40: a restored schedule is refused');
is($restored->safe_psql('postgres', q(SELECT DISTINCT status, detail FROM olist_etl.doctor() WHERE subject LIKE 'schedule olist_etl%')),
	'warning|it was made in another database, and starts nothing', '... and doctor() says so');
is($restored->safe_psql('postgres', q{SELECT count(*) FROM olist_etl.run WHERE workflow = 'olist' OR input ->> 'restored' = 'true'}), 0,
	'... and starts nothing');
$restored->safe_psql('postgres', q{SELECT olist_etl.schedule('0 0 1 1 *')});
is($restored->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE jobname = 'olist_etl olist'}), 1, '... until it is made anew');
my $command = $restored->safe_psql('postgres', q{SELECT command FROM cron.job WHERE jobname = 'olist_etl olist'});
is($restored->safe_psql('postgres', "$command \\gset\n\\echo :status"), 'SUCCEEDED', '... then it runs');

$restored->stop;
$node->stop;
done_testing();
