# A database is dumped and restored: the ledger knows what was loaded, and the
# next load mixes nothing with the staged rows that came along (SECURITY row C3).
use strict;
use warnings;

use Olist;
use Olist::Dump;
use Olist::Loading;
use Test::More;

my $node = olist_cluster('main');
my $source = Olist::Loading->new($node);

$source->make_warehouse;
$source->write_orders(50);
$node->safe_psql('postgres', $Olist::Loading::stage);
$source->write_orders(100);
$node->safe_psql('postgres', "$Olist::Loading::stage
	UPDATE olist_etl.ledger SET published_at = now();
	INSERT INTO olist_etl.object_pattern (pattern, entity) VALUES ('mine*.csv', 'orders');
	UPDATE olist_etl.object_pattern SET enabled = false WHERE pattern LIKE 'sellers/%';
	UPDATE olist_etl.entity_column SET is_required = false WHERE column_name = 'order_status';
	UPDATE olist_etl.entity SET is_required = false;");
is($source->state, 'nothing 0, 100 rows, ledger 50, 100', 'two versions of an object are loaded');

# what users have made of the rows that come with the extension
my $settings = q{SELECT pattern, entity, enabled, is_default FROM olist_etl.object_pattern ORDER BY 1;
	SELECT * FROM olist_etl.entity ORDER BY 1;
	SELECT * FROM olist_etl.entity_column ORDER BY 1, 2};

each_restored($node, sub {
	my ($database) = @_;
	my $restored = bless { %$source, database => $database }, 'Olist::Loading';
	is($restored->state, 'nothing 0, 0 rows, ledger 50, 100', '... nothing is to be loaded, and nobody\'s rows are gone');
	is($node->safe_psql($database, $settings), $node->safe_psql('postgres', $settings),
		'... patterns of one\'s own and changed ones have come along, and what is required of entities and columns');
	$source->write_file('mine.csv', "order_id,customer_id,order_status,order_purchase_timestamp\nx,x,delivered,2018-01-01 10:00:00\n");
	$node->safe_psql($database, $Olist::Loading::stage);
	is($restored->state, 'unpublished 1, 1 rows, ledger 50, 100, 1', '... a new object is loaded, beside nothing that was left');
	unlink "$source->{directory}/mine.csv";
});
$node->stop;
done_testing();
