# The city of a place without points is what most rows say that live there, also
# those rows that do not count otherwise: a batch comes to the same as a rebuild.
# (WAREHOUSE.md's invariant 1.)
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');
my $pipeline = Olist::Pipeline->new($node, scale => 0.003);

sub write_object
{
	my ($name, @rows) = @_;
	my $header = $name =~ /customers/
	  ? 'customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state'
	  : 'seller_id,seller_zip_code_prefix,seller_city,seller_state';
	$pipeline->write_file("olist_$name.csv", join "\n", $header, @rows, '');
	return;
}

sub cities
{
	return $node->safe_psql('postgres', q{SELECT string_agg(zip_code_prefix || ' ' || city, ', ' ORDER BY zip_code_prefix)
		FROM olist_dw.dim_geography WHERE zip_code_prefix >= '99998' AND geography_key > 0});
}

# each zip prefix has two rows with one key, of which one is rejected
write_object('customers_dataset_1', 'one,person,99999,arroio,RS', 'one,person,99999,bage,RS');
write_object('sellers_dataset_1', 'one,99998,arroio,RS', 'one,99998,bage,RS');
is($pipeline->run->{status}, 'SUCCEEDED', 'a source is loaded');
is($node->safe_psql('postgres', q{SELECT count(*) FROM olist_etl.reject WHERE reason = 'duplicate'}), '2', '... with two rows too many');
is(cities(), '99998 arroio, 99999 arroio', '... which vote');

write_object('customers_dataset_2', 'two,other,99999,cidreira,RS');
write_object('sellers_dataset_2', 'two,99998,cidreira,RS');
is($pipeline->run->{status}, 'SUCCEEDED', 'others live there, too');
is(cities(), '99998 arroio, 99999 arroio', '... and those rows still vote');
is($pipeline->run(q{input => '{"rebuild": true}'})->{status}, 'SUCCEEDED', 'all is built anew');
is(cities(), '99998 arroio, 99999 arroio', '... to the same');

$node->stop;
done_testing();
