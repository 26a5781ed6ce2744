# The quality gate in the pipeline: the quirks of the data come out as warnings
# with exactly the counts that are known of them, and a rule that fails stops
# the run before anything is published.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');

my $database = 'postgres';

sub sql
{
	return $node->safe_psql($database, $_[0]);
}

my $told;    # by the last run

sub run
{
	(undef, undef, $told) = $node->psql($database, 'CALL olist_etl.run()');
	return sql('SELECT status FROM olist_etl.run ORDER BY run_id DESC LIMIT 1');
}

my $warnings = q{SELECT rule, measured FROM olist_etl.check_result
	WHERE run_id = (SELECT max(run_id) FROM olist_etl.check_result) AND status = 'warned' ORDER BY rule COLLATE "C"};

# The real data. What WAREHOUSE.md lists of it, and what is counted here for the
# first time: payments that do not start at 1, products of weight 0, and zip
# prefixes whose city is spelled in several ways.
SKIP:
{
	my $data = shared_data() or skip 'no reference data: OLIST_SHARED_DATA is not set', 4;
	sql("SELECT olist_etl.set_source('$data/olist')");
	is(run(), 'SUCCEEDED', 'the real data is published');
	my %expected = (
		order_canceled_not_delivered => 6,
		order_carrier_after_approval => 1359,
		order_carrier_after_purchase => 166,
		order_delivered_after_carrier => 23,
		order_delivered_has_date => 8,
		order_has_items => 775,
		order_has_payment => 1,
		order_has_review => 768,
		payment_has_installments => 2,
		payment_starts_at_one => 80,
		payment_type_defined => 3,
		payment_value_positive => 9,
		product_category_translated => 13,
		product_has_category => 610,
		product_has_dimensions => 2,
		product_weight_positive => 4,
		review_has_answer_time => 52,
		review_has_creation_date => 12,
		review_id_unique => 814,
		review_one_per_order => 547,
		zip_of_customer_located => 157,
		zip_of_seller_located => 7,
		zip_one_spelling => 8556,
		zip_one_state => 8,
		zip_points_in_brazil => 42,
		zip_points_unique => 261831);
	is(sql($warnings), join("\n", map { "$_|$expected{$_}" } sort keys %expected), 'its quirks are warned of');
	is(sql(q{SELECT count(*) FROM olist_etl.check_result WHERE status = 'failed'}), '0', 'nothing fails');
	is(sql('SELECT max(spelling_count) FROM olist_dw.dim_geography'), '5', 'up to 5 spellings');
	note sql(q{SELECT format('the gate took %s of the run''s %s s', t.ended_at - t.started_at, extract(epoch FROM r.ended_at - r.started_at))
		FROM olist_etl.task t JOIN olist_etl.run r USING (run_id) WHERE t.state = 'Check quality'});
}

# The generated data: the counts are those that plain SQL finds when all is staged once more.
my $dir = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('postgres', 'CREATE DATABASE generated');
$database = 'generated';
sql("CREATE EXTENSION olist_etl");
sql("SELECT olist_etl.generate_sample('$dir', 0.02, 7, 'none', 'month'); SELECT olist_etl.set_source('$dir')");
is(run(), 'SUCCEEDED', 'the generated data is published');
my $counts = sql($warnings);
my %counted = (
	order_carrier_after_approval => 'SELECT count(*) FROM orders WHERE order_delivered_carrier_date < order_approved_at',
	order_has_items => 'SELECT count(*) FROM orders WHERE order_id NOT IN (SELECT order_id FROM order_items)',
	order_has_review => 'SELECT count(*) FROM orders WHERE order_id NOT IN (SELECT order_id FROM order_reviews)',
	payment_value_positive => 'SELECT count(*) FROM order_payments WHERE payment_value = 0',
	product_has_category => 'SELECT count(*) FROM products WHERE product_category_name IS NULL',
	review_id_unique => 'SELECT count(*) - count(DISTINCT review_id) FROM order_reviews',
	zip_one_spelling => 'SELECT count(*) FROM (SELECT FROM geolocation GROUP BY geolocation_zip_code_prefix HAVING count(DISTINCT geolocation_city) > 1) g',
	zip_points_unique => 'SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT geolocation_zip_code_prefix, geolocation_lat, geolocation_lng, geolocation_city, geolocation_state FROM geolocation) d) FROM geolocation');
my @found = split /\n/, sql(join ";\n", 'BEGIN',
	q{DO $$ BEGIN PERFORM olist_etl.stage(o)
		FROM jsonb_array_elements(olist_etl.discover('{"rebuild": true}') -> 'objects') AS o; END $$},
	'SET LOCAL search_path = olist_staging',
	(map { $counted{$_} } sort keys %counted), 'ROLLBACK');
foreach my $rule (sort keys %counted)
{
	my $n = shift @found;
	cmp_ok($n, '>', 0, "$rule has something to find");
	like($counts, qr/^$rule\|$n$/m, "... and finds $n");
}

# A batch that a rule of severity fail refuses: nothing of it is published, the
# results are kept, and the run after the repair goes on from what is staged.
my $published = 'SELECT count(*), sum(payment_total), max(xmin::text::bigint) FROM olist_dw.fact_order';
my $before = sql($published);
sql(q{INSERT INTO olist_etl.check_rule (name, relation, predicate, severity, tolerance, hint)
	VALUES ('status_is_known', 'fact_order', 'order_status_key IN (SELECT s.order_status_key FROM {dim_order_status} s WHERE s.order_status <> ''lost'')',
		'fail', '2', 'Ask the shop.')});
append_to_file("$dir/olist_orders_dataset_9999.csv", join("\n",
	'order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date',
	(map { "lost$_,nobody$_,lost,2018-08-01 10:00:00,,,,2018-09-01 00:00:00" } 1 .. 3), ''));
is(run(), 'FAILED', 'a batch that breaks a rule ends the run');
like($told, qr/^.*NOTICE:  status_is_known: 3 of \d+ rows violate it, allowed 2$/m, 'a NOTICE says so');
like($told, qr/^.*NOTICE:  order_status_known: 1 of \d+ rows violate it/m, '... and tells of the warnings');
like($told, qr/ERROR:  run \d+ of workflow "olist" failed: Olist\.QualityFailed\nDETAIL:  status_is_known: /, '... and the call ends with an error');
unlike($told, qr/resume/, '... which does not send to resume() whom that would not help');
like(sql(q{SELECT hint FROM olist_etl.doctor() WHERE subject = 'runs'}), qr/^Repair .*CALL olist_etl\.run\('olist'\) anew/, '... nor does doctor()');
is(sql($published), $before, 'nothing was published');
is(sql(q{SELECT string_agg(status, ',') FROM olist_etl.pending()}), 'unpublished', 'the batch waits');
is( sql(q{SELECT error, split_part(cause, E'\n', 2), split_part(cause, E'\n', 3) FROM olist_etl.run ORDER BY run_id DESC LIMIT 1}),
	'Olist.QualityFailed|HINT: Ask the shop.|Nothing was published. Repair the objects or change the rules in olist_etl.check_rule, and CALL olist_etl.run().',
	'the run says which rule, and what to do');
is(sql(q{SELECT rule, status FROM olist_etl.quality WHERE status IN ('failed')}), 'status_is_known|failed',
	'the results are kept');
is(run(), 'FAILED', 'trying again is of no use');
sql(q{UPDATE olist_etl.check_rule SET tolerance = '3' WHERE name = 'status_is_known'});
is(run(), 'SUCCEEDED', 'with more tolerance it is published');
is(sql(q{SELECT count(*) FROM olist_dw.fact_order o JOIN olist_dw.dim_order_status s USING (order_status_key) WHERE s.order_status = 'lost'}),
	'3', '... all of it');
is(sql(q{SELECT count(*) FROM olist_etl.check_result WHERE rule = 'status_is_known'}), '3', 'every run has its results');

$node->stop;
done_testing();
