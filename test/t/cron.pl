# What the README says of scheduling: with these settings, and Debian's pg_cron,
# a job that calls run() executes the workflow, in a background worker, without
# a password anywhere.
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
SELECT cron.schedule('olist', '* * * * *', 'CALL olist_etl.run()');
SQL

poll_until(
	sub {
		$node->safe_psql('postgres',
			q(SELECT count(*) FROM cron.job_run_details WHERE status IN ('succeeded', 'failed'))) > 0;
	},
	'the job was executed');
is($node->safe_psql('postgres', 'SELECT status FROM cron.job_run_details LIMIT 1'),
	'succeeded', 'the job succeeded');
is($node->safe_psql('postgres', 'SELECT status FROM olist_etl.run WHERE run_id = 1'),
	'SUCCEEDED', 'and so did the run');
is($node->safe_psql('postgres', 'SELECT count(*) > 0 FROM olist_dw.mart_monthly_sales'),
	't', 'and there is a warehouse');

$node->stop;
done_testing();
