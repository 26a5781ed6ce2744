# The warehouse of the real data: every figure that is known of it, and the same
# rows that plain SQL makes of the same staging tables.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = shared_data_or_skip() . '/olist';
my $node = olist_cluster('main');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sql("SELECT olist_etl.set_source('$data')");
my $backend = $node->background_psql('postgres');
my $pid = $backend->query_safe('SELECT pg_backend_pid()');
my $stage = q{SELECT count(olist_etl.stage(o))
	FROM jsonb_array_elements(olist_etl.discover('{"rebuild": true}') -> 'objects') AS o};
$backend->query_safe($stage);

# one process does all, so that its memory is known
my @tasks = map { "build_$_" } qw(dim_date dim_geography dim_order_status dim_payment_type
  dim_product dim_seller dim_customer fact_order fact_order_item fact_payment fact_review);
$backend->query_safe("SELECT olist_etl.$_()") for @tasks, 'publish';
my ($peak) = slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB/m;
note "peak memory: $peak kB";
cmp_ok($peak, '<', (128 + 300) * 1024, 'peak memory stays below 300 MB above shared_buffers');
$backend->quit;

my @figures = (
	'rows of the facts' => '99441|112650|103886|99224',
	q{SELECT (SELECT count(*) FROM olist_dw.fact_order), (SELECT count(*) FROM olist_dw.fact_order_item),
		(SELECT count(*) FROM olist_dw.fact_payment), (SELECT count(*) FROM olist_dw.fact_review)},

	'persons and their versions' => '96096|96355',
	q{SELECT count(*) FILTER (WHERE is_current), count(*) FROM olist_dw.dim_customer WHERE customer_key <> -1},

	'prefixes, with coordinates, their points and outliers' => '19177|19010|1000163|42',
	q{SELECT count(*), count(latitude), sum(point_count), sum(outlier_count)
		FROM olist_dw.dim_geography WHERE geography_key <> -1},

	'products and sellers' => '32951|3095',
	q{SELECT (SELECT count(*) FROM olist_dw.dim_product WHERE is_current), (SELECT count(*) FROM olist_dw.dim_seller WHERE is_current)},

	'products without category; with one that has no translation' => '610|13',
	q{SELECT count(*) FILTER (WHERE category = 'unknown'), count(*) FILTER (WHERE category IN
		('pc_gamer', 'portateis_cozinha_e_preparadores_de_alimentos') AND category_english = category)
		FROM olist_dw.dim_product WHERE is_current},

	'sums' => '13591643.70|2251909.54|16008872.12',
	q{SELECT sum(price_total), sum(freight_total), sum(payment_total) FROM olist_dw.fact_order},

	'the same sums over the details' => '13591643.70|2251909.54|16008872.12',
	q{SELECT (SELECT sum(price) FROM olist_dw.fact_order_item), (SELECT sum(freight) FROM olist_dw.fact_order_item),
		(SELECT sum(value) FROM olist_dw.fact_payment)},

	'November 2017' => '7544|1194882.80',
	q{SELECT orders, revenue FROM olist_dw.mart_monthly_sales WHERE month = '2017-11-01'},

	'delivered: late by timestamp, by day' => '7826|6534|96470',
	q{SELECT sum(late), sum(late_by_day), sum(delivered) FROM olist_dw.mart_delivery_performance},

	'latest reviews and their score' => '98673|4.086386',
	q{SELECT count(review_score), round(avg(review_score), 6) FROM olist_dw.fact_order},

	'distances' => '112095|596.649|3579.345',
	q{SELECT count(distance_km), round(avg(distance_km)::numeric, 3), round(max(distance_km)::numeric, 3)
		FROM olist_dw.fact_order_item},

	'the price of a category is not multiplied by payments' => '1258681.34',
	q{SELECT price FROM olist_dw.mart_category_sales WHERE category = 'beleza_saude' AND category_english = 'health_beauty'},

	'orders without items, without payment, without review; with several reviews' => '775|1|768|547',
	q{SELECT count(*) FILTER (WHERE item_count = 0), count(*) FILTER (WHERE payment_count = 0),
		count(*) FILTER (WHERE NOT EXISTS (SELECT FROM olist_dw.fact_review r WHERE r.order_key = o.order_key)),
		count(*) FILTER (WHERE (SELECT count(*) FROM olist_dw.fact_review r WHERE r.order_key = o.order_key) > 1)
		FROM olist_dw.fact_order o},

	'payments of a type not defined, of zero, without instalments' => '3|9|2',
	q{SELECT count(*) FILTER (WHERE payment_type = 'not_defined'), count(*) FILTER (WHERE value = 0),
		count(*) FILTER (WHERE installments = 0)
		FROM olist_dw.fact_payment JOIN olist_dw.dim_payment_type USING (payment_type_key)},

	'time that runs backwards' => '1359|166|23|6|8',
	q{SELECT count(*) FILTER (WHERE carrier_at < approved_at), count(*) FILTER (WHERE carrier_at < purchased_at),
		count(*) FILTER (WHERE delivered_at < carrier_at),
		count(*) FILTER (WHERE order_status = 'canceled' AND delivered_at IS NOT NULL),
		count(*) FILTER (WHERE order_status = 'delivered' AND delivered_at IS NULL)
		FROM olist_dw.fact_order JOIN olist_dw.dim_order_status USING (order_status_key)},

	'answers and creations that are missing' => '52|12',
	q{SELECT count(*) FILTER (WHERE answered_at IS NULL), count(*) FILTER (WHERE created_at IS NULL) FROM olist_dw.fact_review},

	'one latest review for each order that has any' => '98673|98673',
	q{SELECT count(*) FILTER (WHERE is_latest), count(DISTINCT order_key) FROM olist_dw.fact_review},

	'no rejects' => '0|0',
	q{SELECT count(*), (SELECT sum(rows_rejected) FROM olist_etl.ledger) FROM olist_etl.reject},

	'no key is missing from its dimension' => '0',
	q{SELECT count(*) FROM olist_dw.fact_order o
		LEFT JOIN olist_dw.dim_customer c USING (customer_key)
		LEFT JOIN olist_dw.dim_geography g ON g.geography_key = o.customer_geography_key
		LEFT JOIN olist_dw.dim_order_status s USING (order_status_key)
		LEFT JOIN olist_dw.dim_date d1 ON d1.date_key = purchase_date_key LEFT JOIN olist_dw.dim_date d2 ON d2.date_key = approved_date_key
		LEFT JOIN olist_dw.dim_date d3 ON d3.date_key = carrier_date_key LEFT JOIN olist_dw.dim_date d4 ON d4.date_key = delivered_date_key
		LEFT JOIN olist_dw.dim_date d5 ON d5.date_key = estimated_date_key
		WHERE num_nulls(c.customer_key, g.geography_key, s.order_status_key, d1.date_key, d2.date_key, d3.date_key, d4.date_key, d5.date_key) > 0},

	'marts agree with each other' => '16008872.12|16008872.12|16008872.12',
	q{SELECT (SELECT sum(revenue) FROM olist_dw.mart_monthly_sales), (SELECT sum(revenue) FROM olist_dw.mart_state_sales),
		(SELECT sum(value) FROM olist_dw.mart_payment_mix)},

	'marts count all persons, sellers and cohorts' => '96096|3095|96096',
	q{SELECT (SELECT count(*) FROM olist_dw.mart_customer_rfm), (SELECT count(*) FROM olist_dw.mart_seller_scorecard),
		(SELECT sum(customers) FROM olist_dw.mart_cohort_retention WHERE months_later = 0)},
);
while (my ($name, $want, $query) = splice(@figures, 0, 3))
{
	is(sql($query), $want, $name);
}

# an index is used where a mart is asked for one month, one state, one order
like(sql(q{EXPLAIN SELECT * FROM olist_dw.mart_delivery_performance WHERE month = '2017-11-01'}),
	qr/Index Scan (using|on) fact_order_\w+_idx/, "a month's orders are found by an index");
like(sql(q{EXPLAIN SELECT * FROM olist_dw.fact_order WHERE order_id = 'e481f51cbdc54678b7cc49136f2d6af7'}),
	qr/fact_order_order_id_key/, 'an order is found by its natural key');

# plain SQL, written apart from the transforms, gives the same rows
sql($stage);
my $diff = slurp_file("$repository/test/sql/include/star_diff.psql");
sql(slurp_file("$repository/test/bench/star_ctas.sql"));
is(sql("$diff; SELECT name, only_a, only_b FROM pg_temp.star_diff('olist_dw', 'star_ctas') WHERE only_a + only_b > 0"),
	'', 'every table is, column for column, what plain SQL makes of the same staging tables');
sql('DROP SCHEMA star_ctas CASCADE');

# with little memory, in many shares: nothing is written, because nothing differs
sql(join(';', q{SET olist_etl.work_mem = '2MB'}, map { "SELECT olist_etl.$_()" } @tasks));
sql('CREATE TABLE places AS SELECT ctid AS place, xmin::text AS x, order_key FROM olist_dw.fact_order');
is(sql(q{SELECT p - 'objects' - 'tables' FROM olist_etl.publish() AS p}),
	'{"moved": 0, "deleted": 0, "updated": 0, "inserted": 0, "rejected": 0}',
	'a rebuild with little memory gives the same warehouse, with the same keys');
is(sql('SELECT count(*) FROM places JOIN olist_dw.fact_order o ON o.ctid = place AND o.xmin::text = x'),
	'99441', 'and writes no row');

done_testing();
