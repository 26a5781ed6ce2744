# What the README says of scheduling: with these settings, and Debian's pg_cron,
# a job that calls run() executes the workflow, in a background worker, without
# a password anywhere, and ends as the run does.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Cluster;
use Test::More;

my $pkglibdir = qx("$ENV{PG_CONFIG}" --pkglibdir);
chomp $pkglibdir;
plan skip_all => 'pg_cron is not installed' unless -e "$pkglibdir/pg_cron.so";

my $node = olist_cluster('main', <<'CONF');
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
CONF
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pg_cron;
SELECT olist_etl.create_workflow('bad', '{"StartAt": "Bad", "States": {"Bad": {"Type": "Fail", "Error": "Too.Bad", "Cause": "the cause"}}}');
SELECT cron.schedule('olist', '* * * * *', 'CALL olist_etl.run()');
SELECT cron.schedule('bad', '* * * * *', 'CALL olist_etl.run(''bad'')');
SQL

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
like(ends('olist', 'olist'), qr/^succeeded\|SUCCEEDED\|/, 'the job succeeded, and so did the run');
like(ends('bad', 'bad'), qr/^failed\|FAILED\|ERROR: +run N of workflow "bad" failed: Too\.Bad\nDETAIL: +the cause\n/,
	'the job of a run that failed has failed, and says why');
is($node->safe_psql('postgres', 'SELECT count(*) > 0 FROM olist_dw.mart_monthly_sales'),
	't', 'and there is a warehouse');

$node->stop;
done_testing();
