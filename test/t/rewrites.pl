# What is there is not written again: a run that finds nothing new writes nothing
# into the warehouse; the same files, written anew, change none of its rows; and
# a full file of which one row in a hundred differs writes about one in a hundred.
# (WAREHOUSE.md's invariants 2 and 5.)
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main', 'autovacuum = off');
my $pipeline = Olist::Pipeline->new($node, scale => 0.03, seed => 7);

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# A place for every row of the tables that analysts see, and of those that only a
# later run needs, and which transaction wrote it.
my $tables = q{(VALUES ('fact_order'), ('fact_order_item'), ('fact_payment'), ('fact_review'), ('dim_customer'), ('dim_seller'),
	('dim_product'), ('dim_geography'), ('dim_date'), ('dim_order_status'), ('dim_payment_type'),
	('geography_point'), ('customer_account'), ('category_translation')) AS t (name)};

sub remember_rows
{
	sql(qq{DROP TABLE IF EXISTS rows_then;
		CREATE TABLE rows_then (name text, place tid, writer text);
		DO \$\$ DECLARE t text; BEGIN FOR t IN SELECT name FROM $tables LOOP
			EXECUTE format('INSERT INTO rows_then SELECT %1\$L, ctid, xmin::text FROM olist_dw.%1\$I', t);
		END LOOP; END \$\$});
}

# how many rows of each table were written since, as "table n"; dead ones count
sub rows_written
{
	return sql(qq{
		CREATE TEMP TABLE rows_now (name text, place tid, writer text);
		DO \$\$ DECLARE t text; BEGIN FOR t IN SELECT name FROM $tables LOOP
			EXECUTE format('INSERT INTO rows_now SELECT %1\$L, ctid, xmin::text FROM olist_dw.%1\$I', t);
		END LOOP; END \$\$;
		SELECT coalesce(string_agg(name || ' ' || n, ', ' ORDER BY name), 'none') FROM (
			SELECT name, count(*) AS n FROM rows_now LEFT JOIN rows_then USING (name, place, writer)
			WHERE rows_then.name IS NULL GROUP BY name) AS w});
}

sub publish_says
{
	return sql(q{SELECT output::jsonb - '{tables,rejected,objects}'::text[] FROM olist_etl.task
		WHERE state = 'Publish' AND run_id = (SELECT max(run_id) FROM olist_etl.run)});
}

is($pipeline->run->{status}, 'SUCCEEDED', 'there is a warehouse');
my $warehouse = $pipeline->warehouse . $pipeline->dimensions;
remember_rows();

my $wal = sql('SELECT pg_current_wal_insert_lsn()');
is($pipeline->run->{rows}, 0, 'a run finds nothing new');
is(rows_written(), 'none', '... and writes no row of the warehouse');
cmp_ok(sql("SELECT pg_current_wal_insert_lsn() - '$wal'"), '<', 200_000, '... and hardly any WAL');

utime time + 60, time + 60, glob($pipeline->directory . '/*') or die $!;
is($pipeline->run->{status}, 'SUCCEEDED', 'all files are written anew, with what they held');
is(rows_written(), 'none', '... and no row of the warehouse');
is($pipeline->warehouse . $pipeline->dimensions, $warehouse, '... which is what it was');

# one order in a hundred has another status
my $orders = $pipeline->directory . '/olist_orders_dataset.csv';
my $n = 0;
my $changed = 0;
my $content = join '', map { $n++ % 100 == 50 && s/,delivered,/,shipped,/ && $changed++; $_ } split /^/, slurp_file($orders);
$pipeline->write_file('olist_orders_dataset.csv', $content);
is($pipeline->run->{status}, 'SUCCEEDED', "a file is written anew with $changed of " . ($n - 1) . ' orders changed');
is(rows_written(), "fact_order $changed", '... and as many rows of the warehouse');
my $touched = sql(q{SELECT output ->> 'orders' FROM olist_etl.task WHERE state = 'Build batch' ORDER BY run_id DESC LIMIT 1});
cmp_ok($touched, '>=', $changed, '... of which alone, and of the same persons, anything was built');
cmp_ok($touched, '<', 2 * $changed, '... rather than of all in the file');

# points of one prefix in ten are elsewhere
remember_rows();
my %moved;
$pipeline->write_file('olist_geolocation_dataset.csv', join '',
	map { my ($zip) = /^"?(\d{4}0)\b/; $moved{$zip} = 1 if $zip && s/,-2(\d\.)/,-1$1/; $_ }
	  split /^/, slurp_file($pipeline->directory . '/olist_geolocation_dataset.csv'));
is($pipeline->run->{status}, 'SUCCEEDED', 'a file is written anew in which points of ' . keys(%moved) . ' prefixes have moved');
like(rows_written(), qr/\bgeography_point @{[ scalar keys %moved ]}\b/, '... and the points of as many are written');

# one order in a hundred is gone from the file
$n = 0;
$pipeline->write_file('olist_orders_dataset.csv', join '', grep { $n++ % 100 != 70 } split /^/, $content);
my $before = sql('SELECT count(*) FROM olist_dw.fact_order');
is($pipeline->run->{status}, 'SUCCEEDED', 'a file is written anew with fewer orders');
cmp_ok($before - sql('SELECT count(*) FROM olist_dw.fact_order'), '==', int(($n - 71) / 100) + 1, '... which are gone from the warehouse');
is(sql(q{SELECT count(*) > 0 FROM olist_etl.reject WHERE reason = 'orphan'}), 't', '... and their details wait again');
note publish_says();

$node->stop;
done_testing();
