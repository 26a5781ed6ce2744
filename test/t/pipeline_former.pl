# DROP EXTENSION leaves the warehouse standing. The extension that comes after it
# takes it over: its first run ends with what a fresh load gives, facts lead to
# objects of the new ledger, and later batches are merged as ever. A
# warehouse that another version has left is refused in plain words.
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');
my $pipeline = Olist::Pipeline->new($node, scale => 0.01, split => 'month');
my $directory = $pipeline->directory;

# the same source in a database of its own, loaded afresh
my $fresh = olist_cluster('fresh');
sub fresh_load
{
	my $other = bless { node => $fresh, directory => $directory }, 'Olist::Pipeline';
	$other->forget_everything if $other->warehouse ne 'none';
	$fresh->safe_psql('postgres', "SELECT olist_etl.set_source('$directory')");
	$other->run;
	return [ $other->warehouse, $other->dimensions ];
}

# the first lines of a text
sub head
{
	my ($text, $lines) = @_;
	return join '', (split /^/, $text)[ 0 .. $lines - 1 ];
}

sub sql { return $node->safe_psql('postgres', $_[0]) }

my $keys = q{SELECT 'order' AS kind, order_key AS key, order_id AS id FROM olist_dw.fact_order
	UNION ALL SELECT 'product', product_key, product_id FROM olist_dw.dim_product
	UNION ALL SELECT 'place', geography_key, zip_code_prefix FROM olist_dw.dim_geography};

# rows whose object the ledger does not have; versions of products and sellers that were there before
# keep what they were made from
sub untraced
{
	return sql(join(' UNION ALL ', map { "SELECT '$_', count(*) FROM olist_dw.$_ WHERE _object_id IS NOT NULL
			AND _object_id NOT IN (SELECT object_id FROM olist_etl.ledger WHERE is_current) HAVING count(*) > 0" }
		  qw(fact_order fact_order_item fact_payment fact_review dim_customer customer_account
		  geography_point category_translation)));
}

is($pipeline->run->{status}, 'SUCCEEDED', 'a source is loaded');
my $last = sql(q{SELECT max(object_id) FROM olist_etl.ledger});
sql("CREATE TABLE key_then AS $keys; DROP EXTENSION olist_etl CASCADE; CREATE EXTENSION olist_etl");

# something has changed when the next extension sees the source
my ($orders) = glob("$directory/olist_orders_dataset_2017-11*.csv");
my $text = slurp_file($orders);
$pipeline->write_file($orders =~ s/.*\///r, head($text, 40));
sql("SELECT olist_etl.set_source('$directory')");
is($pipeline->run->{status}, 'SUCCEEDED', 'after DROP and CREATE EXTENSION it is loaded again');
is_deeply([ $pipeline->warehouse, $pipeline->dimensions ], fresh_load(), '... with what a fresh load gives');
cmp_ok(sql(q{SELECT min(object_id) FROM olist_etl.ledger}), '>', $last, '... under numbers that no object had before');
is(untraced(), '', '... and rows lead to their objects');
is(sql("SELECT count(*) FROM key_then t JOIN ($keys) n USING (kind, id) WHERE n.key <> t.key"), '0', '... with the key that it had');
is($pipeline->run->{rows}, '0', '... and there is nothing left to do');

# the next batches find the rows of what they replace
$pipeline->write_file($orders =~ s/.*\///r, head($text, 20));
my ($items) = glob("$directory/olist_order_items_dataset_2018-03*.csv");
$pipeline->write_file($items =~ s/.*\///r, head(slurp_file($items), 5));
is($pipeline->run->{status}, 'SUCCEEDED', 'rows that are gone from objects go with the next batch');
is($pipeline->warehouse, fresh_load()->[0], '... as in a fresh load');

# what another version has left
sql(q{ALTER TABLE olist_dw.dim_geography DROP COLUMN repeat_count CASCADE});
$pipeline->write_file($orders =~ s/.*\///r, $text);
for my $how ('', q{input => '{"rebuild": true}'})
{
	my $run = $pipeline->run($how);
	is("$run->{status} $run->{error}", 'FAILED SQLSTATE.55000', 'a warehouse without a column is refused');
	like($run->{cause}, qr/table "olist_dw.dim_geography" has no column "repeat_count".*DROP SCHEMA olist_dw CASCADE/, '... with what to do');
}
sql(q{DROP SCHEMA olist_dw CASCADE});
is($pipeline->run->{status}, 'SUCCEEDED', '... and when that is done, the warehouse is built anew');
is_deeply([ $pipeline->warehouse, $pipeline->dimensions ], fresh_load(), '... from all objects');

$_->stop for $node, $fresh;
done_testing();
