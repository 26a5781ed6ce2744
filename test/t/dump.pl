# A whole installation is dumped and restored: rules of one's own and changed
# ones, runs and their results, the warehouse; the next run finds nothing to do,
# and goes on with the numbers. DROP EXTENSION leaves staging, warehouse and
# marts standing, and a new one takes them over (SECURITY rows C3, C6).
use strict;
use warnings;

use Olist;
use Olist::Dump;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = olist_cluster('main');
my $run = "CALL olist_etl.run() \\gset\n\\echo :status :objects";

is($node->safe_psql('postgres', $run), 'SUCCEEDED 9', 'there is a warehouse');
$node->safe_psql('postgres', q{
	UPDATE olist_etl.check_rule SET tolerance = '77' WHERE name = 'order_has_items';
	UPDATE olist_etl.check_rule SET enabled = false WHERE name = 'order_has_review';
	INSERT INTO olist_etl.check_rule (name, relation, predicate) VALUES ('mine', 'fact_order', 'item_count < 100');
	SELECT olist_etl.create_workflow('mine', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}')});
is($node->safe_psql('postgres', "CALL olist_etl.run('mine') \\gset\n\\echo :status"), 'SUCCEEDED', 'and a workflow of one\'s own');

# what must be the same on both sides
my $all = q{
	SELECT name, predicate, aggregate, severity, tolerance, enabled, is_default, owner FROM olist_etl.check_rule ORDER BY name;
	SELECT run_id, rule, status, measured FROM olist_etl.check_result ORDER BY 1, 2;
	SELECT name, version FROM olist_etl.workflow ORDER BY 1, 2;
	SELECT run_id, workflow, status FROM olist_etl.run ORDER BY 1;
	SELECT count(*) FROM olist_etl.event;
	SELECT object_id, target, uri, etag, is_current, published_at FROM olist_etl.ledger ORDER BY 1;
	SELECT * FROM olist_dw.mart_monthly_sales;
	SELECT * FROM olist_dw.fact_order ORDER BY order_key;
	SELECT * FROM olist_dw.dim_customer ORDER BY customer_key;};
my $before = $node->safe_psql('postgres', $all);

each_restored($node, sub {
	my ($database) = @_;
	is($node->safe_psql($database, $all), $before, '... with everything');
	is($node->safe_psql($database, $run), 'SUCCEEDED 0', '... and nothing to do');
	is($node->safe_psql($database, "SELECT count(*) FROM olist_etl.run; SELECT status FROM olist_etl.run ORDER BY run_id DESC LIMIT 1"),
		"3\nSUCCEEDED", '... in a run of its own number');
	$node->safe_psql($database, q{UPDATE olist_etl.check_rule SET tolerance = '78' WHERE name = 'order_has_items'});
	is($node->safe_psql($database, q{SELECT count(*), max(tolerance) FROM olist_etl.check_rule WHERE name = 'order_has_items'}),
		'1|78', '... and changed rules can be changed again');
});

# without the extension, what it made stands
my $marts = join '', map { "SELECT count(*) FROM olist_dw.$_;\n" } split /\n/,
  $node->safe_psql('postgres', q{SELECT relname FROM pg_class WHERE relnamespace = 'olist_dw'::regnamespace AND relkind = 'v' ORDER BY 1});
my $rows = $node->safe_psql('postgres', $marts);
my $keys = $node->safe_psql('postgres', 'SELECT order_id, order_key FROM olist_dw.fact_order ORDER BY 1');
$node->safe_psql('postgres', q{INSERT INTO olist_staging.orders (order_id) VALUES ('left')});
$node->safe_psql('postgres', 'DROP EXTENSION olist_etl');
is($node->safe_psql('postgres', $marts), $rows, 'the marts stand without the extension');
is($node->safe_psql('postgres', 'SELECT order_id FROM olist_staging.orders'), 'left', '... and so does the staging');
$node->safe_psql('postgres', 'CREATE EXTENSION olist_etl');
is($node->safe_psql('postgres', $run), 'SUCCEEDED 9', 'a new extension loads all again');
is($node->safe_psql('postgres', $marts), $rows, '... into the same warehouse, without what was left in the staging');
is($node->safe_psql('postgres', 'SELECT order_id, order_key FROM olist_dw.fact_order ORDER BY 1'), $keys, '... keeping its keys');
is($node->safe_psql('postgres', q{SELECT DISTINCT l.entity, l.is_current FROM olist_dw.fact_order o LEFT JOIN olist_etl.ledger l ON l.object_id = o._object_id}),
	'orders|t', '... and its rows lead to the objects of the new ledger');

$node->stop;
done_testing();
