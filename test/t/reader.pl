# A reader in another session sees, for each run, all of it or none: polling in a
# loop during ten runs, each with a batch (of random rows, and ten months of the
# real data), some with objects that changed, it never finds facts without their dimensions, nor sums that disagree,
# nor a warehouse that is not one of those that a run has left; and where only
# additions happen, nothing it has counted becomes fewer.
# (WAREHOUSE.md's invariants 4 and 6.)
use strict;
use warnings;

use File::Copy qw(copy);
use List::Util qw(shuffle);
use Olist;
use Olist::Flow;
use Olist::Pieces;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

# the same cut each time, unless another is asked for
my $seed = $ENV{OLIST_TEST_SEED} // 1;
note "OLIST_TEST_SEED=$seed";
srand $seed;

my $node = olist_cluster('main', 'shared_buffers = 256MB');

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# What a poll sees: how much there is, and what does not fit together.
my $state = q{concat_ws(' ', (SELECT count(*) FROM olist_dw.fact_order), (SELECT count(*) FROM olist_dw.fact_order_item),
	(SELECT count(*) FROM olist_dw.fact_payment), (SELECT count(*) FROM olist_dw.fact_review),
	(SELECT sum(payment_total) FROM olist_dw.fact_order), (SELECT count(*) FROM olist_dw.dim_customer),
	(SELECT count(*) FROM olist_dw.dim_product), (SELECT sum(point_count) FROM olist_dw.dim_geography))};
my $problems = q{concat_ws('; ',
	(SELECT format('%s orders without a dimension', count(*)) FROM olist_dw.fact_order o
		LEFT JOIN olist_dw.dim_customer c USING (customer_key)
		LEFT JOIN olist_dw.dim_geography g ON g.geography_key = o.customer_geography_key
		LEFT JOIN olist_dw.dim_order_status s USING (order_status_key)
		LEFT JOIN olist_dw.dim_date d ON d.date_key = o.purchase_date_key
		LEFT JOIN olist_dw.dim_date e ON e.date_key = o.estimated_date_key
		WHERE num_nulls(c.customer_key, g.geography_key, s.order_status_key, d.date_key, e.date_key) > 0
		HAVING count(*) > 0),
	(SELECT format('%s items without a dimension', count(*)) FROM olist_dw.fact_order_item i
		LEFT JOIN olist_dw.fact_order o USING (order_key)
		LEFT JOIN olist_dw.dim_product p USING (product_key)
		LEFT JOIN olist_dw.dim_seller s USING (seller_key)
		LEFT JOIN olist_dw.dim_customer c ON c.customer_key = i.customer_key
		LEFT JOIN olist_dw.dim_geography g ON g.geography_key = i.seller_geography_key
		LEFT JOIN olist_dw.dim_geography h ON h.geography_key = i.customer_geography_key
		WHERE num_nulls(o.order_key, p.product_key, s.seller_key, c.customer_key, g.geography_key, h.geography_key) > 0
		HAVING count(*) > 0),
	(SELECT format('%s payments without a dimension', count(*)) FROM olist_dw.fact_payment p
		LEFT JOIN olist_dw.fact_order o USING (order_key)
		LEFT JOIN olist_dw.dim_payment_type t USING (payment_type_key)
		LEFT JOIN olist_dw.dim_customer c ON c.customer_key = p.customer_key
		WHERE num_nulls(o.order_key, t.payment_type_key, c.customer_key) > 0
		HAVING count(*) > 0),
	(SELECT format('%s reviews without a dimension', count(*)) FROM olist_dw.fact_review r
		LEFT JOIN olist_dw.fact_order o USING (order_key)
		LEFT JOIN olist_dw.dim_customer c ON c.customer_key = r.customer_key
		WHERE num_nulls(o.order_key, c.customer_key) > 0
		HAVING count(*) > 0),
	(SELECT format('%s orders whose sums are not those of their details', count(*)) FROM olist_dw.fact_order o
		LEFT JOIN (SELECT order_key, count(*) AS n, sum(price) AS price, sum(freight) AS freight
			FROM olist_dw.fact_order_item GROUP BY 1) AS i USING (order_key)
		LEFT JOIN (SELECT order_key, count(*) AS n, sum(value) AS value FROM olist_dw.fact_payment GROUP BY 1) AS p USING (order_key)
		LEFT JOIN (SELECT order_key, max(score) FILTER (WHERE is_latest) AS score FROM olist_dw.fact_review GROUP BY 1) AS r USING (order_key)
		WHERE (o.item_count, o.price_total, o.freight_total, o.payment_count, o.payment_total)
				<> (coalesce(i.n, 0), coalesce(i.price, 0), coalesce(i.freight, 0), coalesce(p.n, 0), coalesce(p.value, 0))
			OR o.review_score IS DISTINCT FROM r.score
		HAVING count(*) > 0),
	(SELECT format('sums of payments: %s', figures) FROM (SELECT ARRAY[
			(SELECT sum(payment_total) FROM olist_dw.fact_order), (SELECT sum(value) FROM olist_dw.fact_payment),
			(SELECT sum(revenue) FROM olist_dw.mart_monthly_sales), (SELECT sum(revenue) FROM olist_dw.mart_state_sales),
			(SELECT sum(value) FROM olist_dw.mart_payment_mix)]) AS f (figures)
		WHERE NOT figures[1] = ALL (figures)),
	(SELECT format('sums of prices: %s', figures) FROM (SELECT ARRAY[
			(SELECT sum(price_total) FROM olist_dw.fact_order), (SELECT sum(price) FROM olist_dw.fact_order_item),
			(SELECT sum(price) FROM olist_dw.mart_monthly_sales), (SELECT sum(price) FROM olist_dw.mart_category_sales)]) AS f (figures)
		WHERE NOT figures[1] = ALL (figures)))};

sql(qq{
	CREATE SCHEMA reader;
	CREATE TABLE reader.poll (poll bigserial, mode text, overlapped boolean, state text, phase text, later_state text, problems text);
	CREATE TABLE reader.phase (phase text);
	CREATE TABLE reader.state (state text);
	CREATE TABLE reader.stop (stop boolean);
	CREATE FUNCTION reader.is_published_now() RETURNS boolean LANGUAGE sql VOLATILE AS \$\$
		SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
			JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = 'olist_dw' AND c.relkind = 'r' AND l.granted AND l.pid <> pg_backend_pid()
			AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
	\$\$;
	-- look once, and look again
	CREATE FUNCTION reader.look() RETURNS void LANGUAGE plpgsql AS \$\$
	DECLARE
		one reader.poll;
	BEGIN
		one.overlapped := reader.is_published_now();
		SELECT $state, $problems, (SELECT phase FROM reader.phase) INTO one.state, one.problems, one.phase;
		SELECT $state INTO one.later_state;
		INSERT INTO reader.poll (mode, overlapped, state, phase, later_state, problems)
		VALUES (current_setting('transaction_isolation'), one.overlapped OR reader.is_published_now(),
			one.state, one.phase, one.later_state, one.problems);
	END
	\$\$;
	CREATE PROCEDURE reader.poll_on() LANGUAGE plpgsql AS \$\$
	BEGIN
		WHILE NOT EXISTS (SELECT FROM reader.stop) LOOP
			COMMIT;
			SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
			PERFORM reader.look();
			COMMIT;
			PERFORM reader.look();
		END LOOP;
	END
	\$\$});

# Ten runs over the data set in DIRECTORY, cut as CHOOSE says, its pieces in the
# order that SORT gives them; and what the reader has seen meanwhile.
sub read_during_ten_runs
{
	my ($what, $directory, $choose, $sort) = @_;
	my $scratch = PostgreSQL::Test::Utils::tempdir();
	my ($cut, $source) = ("$scratch/cut", "$scratch/source");
	mkdir $source or die $!;
	correct_data_set($directory);
	my $pieces = cut_data_set($directory, $cut, $choose)->{pieces};
	sql(q{DROP EXTENSION olist_etl CASCADE; DROP SCHEMA IF EXISTS olist_staging, olist_dw CASCADE;
		CREATE EXTENSION olist_etl; UPDATE olist_etl.entity SET is_required = false;
		TRUNCATE reader.poll, reader.state, reader.stop, reader.phase});
	my $pipeline = Olist::Pipeline->over($node, $source);
	my $flow = Olist::Flow->new_over($node);
	my ($failed, $runs, $changed, $reader, @arrived) = (0, 0);
	foreach my $piece (($sort->(keys %$pieces))[ 0 .. 9 ])
	{
		rename "$cut/$_", "$source/$_" or die "$_: $!" for @{ $pieces->{$piece} };
		if ($changed)
		{
			rename "$scratch/aside", "$source/$changed" or die $!;
			undef $changed;
		}
		elsif (++$runs % 3 == 0)
		{
			($changed) = shuffle grep { /order_(items|payments)_dataset_\d/ } @arrived;
			rename "$source/$changed", "$scratch/aside" or die $!;
			alter_object("$scratch/aside", "$source/$changed");
		}
		push @arrived, @{ $pieces->{$piece} };
		sql(sprintf q{TRUNCATE reader.phase; INSERT INTO reader.phase VALUES ('%s')}, $changed ? 'rows go' : 'rows come');
		my $run = $pipeline->run;
		$failed++ if $run->{status} ne 'SUCCEEDED';
		diag "$run->{error} $run->{cause}" if $run->{status} ne 'SUCCEEDED';
		sql("INSERT INTO reader.state SELECT $state");

		# there is something to read from the first run on
		$reader //= $flow->start_call('CALL reader.poll_on();', name => 'reader');
	}
	sql('INSERT INTO reader.stop VALUES (true)');
	my ($error) = $flow->finish($reader);
	is($failed, 0, "$what: ten runs");
	is($error, '', '... during which a reader reads on');
	my ($polls, $overlaps) = split /\|/, sql(q{SELECT count(*), count(*) FILTER (WHERE overlapped) FROM reader.poll});
	note "$polls polls, $overlaps of which overlapped with what publishes";
	cmp_ok($polls, '>=', 20, '... again and again');
	cmp_ok($overlaps, '>=', 5, '... also while a run publishes');
	is(sql(q{SELECT string_agg(DISTINCT mode, ', ') FROM reader.poll WHERE overlapped}), 'read committed, repeatable read',
		'... in a statement and in a transaction');
	is(sql(q{SELECT problems, count(*) FROM reader.poll WHERE problems <> '' GROUP BY 1}), '',
		'... it never finds facts without their dimensions, or sums that disagree');
	is(sql(q{SELECT poll, state FROM reader.poll WHERE state NOT IN (SELECT state FROM reader.state)}), '',
		'... each time it sees what a run has left, all of it');
	is(sql(q{SELECT poll, before, now FROM (
			SELECT poll, phase, string_to_array(state, ' ')::numeric[] AS now,
				lag(string_to_array(state, ' ')::numeric[]) OVER (ORDER BY poll) AS before FROM reader.poll) AS p
		WHERE phase = 'rows come' AND EXISTS (SELECT FROM unnest(before[:5], now[:5]) AS u (before, now) WHERE u.now < u.before)}), '',
		'... no facts become fewer where rows only come');
	is(sql(q{SELECT poll FROM reader.poll WHERE mode = 'repeatable read' AND state <> later_state}), '',
		'... and in a transaction it sees the same twice');
	return;
}

my $generated = PostgreSQL::Test::Utils::tempdir() . '/whole';
sql("SELECT olist_etl.generate_sample('$generated', 0.03, $seed)");
read_during_ten_runs('generated data', $generated, at_random(10), sub { shuffle @_ });

SKIP:
{
	my $data = shared_data();
	skip 'no reference data: OLIST_SHARED_DATA is not set', 1 unless $data;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	copy($_, $directory) or die "$_: $!" for glob("$data/olist/*.csv.gz");
	read_during_ten_runs('the real data', $directory, by_month(), sub { sort @_ });
}

$node->stop;
done_testing();
