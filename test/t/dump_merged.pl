# A warehouse that several runs have merged is dumped and restored, with rows that
# wait for their orders and objects that were corrected: the next run finds
# nothing new, and the one after it merges a batch as it would have been merged
# where the dump was made. DROP EXTENSION leaves warehouse and staging standing;
# a new one loads all again, into the same warehouse. (SECURITY rows C3, C6.)
use strict;
use warnings;

use Olist;
use Olist::Dump;
use Olist::Pieces;
use Olist::Pipeline;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

srand 20;
my $node = olist_cluster('main', 'olist_etl.max_workers = 0'); # then objects have the same numbers everywhere
my $dir = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('postgres', "SELECT olist_etl.generate_sample('$dir/whole', 0.02, 20)");
correct_data_set("$dir/whole");
my $pieces = cut_data_set("$dir/whole", "$dir/cut", at_random(5))->{pieces};
mkdir "$dir/source" or die $!;
my $pipeline = Olist::Pipeline->over($node, "$dir/source");
$node->safe_psql('postgres', 'UPDATE olist_etl.entity SET is_required = false');

sub arrive
{
	rename "$dir/cut/$_", "$dir/source/$_" or die "$_: $!" for map { @{ $pieces->{$_} } } @_;
}

# how the last run went, what it did to get there, and what publish() wrote
my $run = "CALL olist_etl.run() \\gset\n\\echo :status :objects";
my $how = q{
	SELECT string_agg(DISTINCT state, ', ' ORDER BY state) FROM olist_etl.task WHERE run_id = (SELECT max(run_id) FROM olist_etl.run);
	SELECT output -> 'moved', output -> 'inserted', output -> 'updated', output -> 'deleted', output -> 'objects'
	FROM olist_etl.task WHERE run_id = (SELECT max(run_id) FROM olist_etl.run) AND state = 'Publish'};

# what must be the same on both sides, surrogate keys and all
my $tables = join ";\n", map { "SELECT '$_', count(*), sum(hashtextextended(t::text, 0)) FROM olist_dw.$_ t" }
  qw(fact_order fact_order_item fact_payment fact_review dim_customer dim_seller dim_product dim_geography dim_date
  dim_order_status dim_payment_type customer_account geography_point category_translation seller_mention product_mention
  mart_monthly_sales mart_category_sales mart_delivery_performance);
my $all = qq{$tables;
	SELECT reject_id, object_id, reason, line, key, raw FROM olist_etl.reject ORDER BY 1;
	SELECT object_id, target, uri, etag, is_current, superseded_by, published_at FROM olist_etl.ledger ORDER BY 1};

foreach my $piece ('03', '01', '04')
{
	arrive($piece);
	is($node->safe_psql('postgres', $run), "SUCCEEDED " . @{ $pieces->{$piece} }, "piece $piece is loaded");
}
like($node->safe_psql('postgres', $how), qr/^Build batch, .*\n0\|/, '... the last one by a merge');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM olist_etl.reject WHERE reason = 'orphan'}), '>', 100, '... and much waits');

my $before = $node->safe_psql('postgres', $all);
each_restored($node, sub {
	my ($database) = @_;
	is($node->safe_psql($database, $all), $before, '... with everything');
	is($node->safe_psql($database, $run), 'SUCCEEDED 0', '... a run finds nothing new');
	is($node->safe_psql($database, $how), 'Discover', '... and does nothing');
	is($node->safe_psql($database, $all), $before, '... to what is there');
});

# what arrives then is merged alike in all three
arrive('00');
my %after;
foreach my $database ('postgres', 'directory', 'plain')
{
	is($node->safe_psql($database, $run), 'SUCCEEDED ' . @{ $pieces->{'00'} }, "$database: the next batch is loaded");
	like($node->safe_psql($database, $how), qr/^Build batch, .*\n0\|/, '... by a merge');
	$after{$database} = $node->safe_psql($database, "$how; $tables");
}
is($after{$_}, $after{postgres}, "$_: ... which gives what it gives where the dump was made") for 'directory', 'plain';

# a crash takes the staging of a restored database like any other's
arrive('02');
$node->stop('immediate');
$node->start;
is($node->safe_psql('plain', $run), 'SUCCEEDED ' . @{ $pieces->{'02'} }, 'plain: the last batch is loaded');
is($node->safe_psql('plain', q{SELECT count(*) FROM olist_etl.reject WHERE reason = 'orphan'}), '0', '... and nothing waits');

# without the extension, and with a new one that knows of nothing
my $merged = $pipeline->in('plain')->warehouse . $pipeline->in('plain')->dimensions;
my $keys = 'SELECT order_id, order_key FROM olist_dw.fact_order ORDER BY 1';
my $had = $node->safe_psql('plain', $keys);
$node->safe_psql('plain', 'DROP EXTENSION olist_etl');
is($node->safe_psql('plain', $keys), $had, 'the warehouse stands without the extension');
is($node->safe_psql('plain', q{SELECT count(*) FROM pg_class WHERE relnamespace = 'olist_staging'::regnamespace AND relkind = 'r'}), 9,
	'... and so does the staging');
$node->safe_psql('plain', qq{CREATE EXTENSION olist_etl; SELECT olist_etl.set_source('$dir/source');
	UPDATE olist_etl.entity SET is_required = false});
is($node->safe_psql('plain', $run), 'SUCCEEDED ' . map({ @{ $pieces->{$_} } } keys %$pieces), 'a new extension loads all again');
is($pipeline->in('plain')->warehouse . $pipeline->in('plain')->dimensions, $merged, '... into the same warehouse');
is($node->safe_psql('plain', $keys), $had, '... keeping its keys');
unlike($node->safe_psql('plain', $how), qr/Build batch/, '... by a whole build');
is($node->safe_psql('plain', join(' UNION ALL ', map { "SELECT '$_', _object_id FROM olist_dw.$_ WHERE _object_id NOT IN (SELECT object_id FROM olist_etl.ledger)" }
		qw(fact_order fact_order_item fact_payment fact_review dim_customer dim_seller dim_product customer_account category_translation))), '',
	'... and every row leads to an object that the new one knows');

$node->stop;
done_testing();
