# Two objects show the same rows: the later one's count, the other's are rejected
# as duplicates, and when either object changes, what the other shows stays.
# Each row of the source is in the warehouse or among the rejects, once, and leads
# to an object that shows it. (WAREHOUSE.md's invariant 3.)
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');
my $pipeline = Olist::Pipeline->new($node, scale => 0.005);
my $directory = $pipeline->directory;

# what shows the rows of an entity, one for one
my %table = (
	orders => [ 'olist_orders_dataset', 'fact_order' ],
	order_items => [ 'olist_order_items_dataset', 'fact_order_item' ],
	order_payments => [ 'olist_order_payments_dataset', 'fact_payment' ],
	order_reviews => [ 'olist_order_reviews_dataset', 'fact_review' ],
	customers => [ 'olist_customers_dataset', 'customer_account' ],
	category_translation => [ 'product_category_name_translation', 'category_translation' ]);
my @entities = sort keys %table;
my %content = map { $_ => slurp_file("$directory/$table{$_}[0].csv") } @entities;

sub sql { return $node->safe_psql('postgres', $_[0]) }

# an object of each entity
sub write_objects
{
	my ($suffix, $time, $text) = @_;
	foreach (@entities)
	{
		my $name = "$table{$_}[0]$suffix.csv";
		$pipeline->write_file($name, $text->($content{$_}));
		utime $time, $time, "$directory/$name" or die $!;
	}
	return;
}

# of which objects the warehouse shows rows, and rejects which: "entity object shown+rejected"
sub whereabouts
{
	my $shown = join ' UNION ALL ', map { "SELECT _object_id, 1 AS shown, 0 AS rejected FROM olist_dw.$table{$_}[1]" } @entities;
	return sql(qq{
		SELECT string_agg(format('%s %s %s+%s', entity, object, shown, rejected), ', ' ORDER BY entity, object)
		FROM (SELECT l.entity, CASE WHEN l.uri LIKE '%\\_again.csv' THEN 'again' ELSE 'first' END AS object,
				sum(shown) AS shown, sum(rejected) AS rejected
			FROM ($shown UNION ALL SELECT object_id, 0, 1 FROM olist_etl.reject WHERE reason = 'duplicate') AS r
			JOIN olist_etl.ledger l ON l.object_id = r._object_id
			GROUP BY 1, 2) AS w});
}

# the same when all is known: [ object, shown, rejected ], ...
sub all_of
{
	return join ', ', map {
		my $rows = sql("SELECT count(*) FROM olist_dw.$table{$_}[1]");
		my $entity = $_;
		map { sprintf '%s %s %s+%s', $entity, $_->[0], $_->[1] * $rows, $_->[2] * $rows } @_;
	} @entities;
}

# what the ledger says of the objects that count, in all
sub ledger_rejects { return sql(q{SELECT sum(rows_rejected) FROM olist_etl.ledger WHERE is_current}) }

sub is_everywhere
{
	my ($what, @objects) = @_;
	my $run = $pipeline->run;
	is($run->{status}, 'SUCCEEDED', $what) or diag $run->{messages};
	is($pipeline->warehouse . $pipeline->dimensions, $pipeline->{expected}, '... the warehouse is what it was');
	is(whereabouts(), all_of(@objects), '... each row is somewhere, once');
	is(ledger_rejects(), sql('SELECT count(*) FROM olist_etl.reject'), '... and the ledger counts so');
	return;
}

my ($early, $late, $later) = (1_600_000_000, 1_610_000_000, 1_620_000_000);
my $whole = sub { $_[0] };
my $head = sub { (split /^/, $_[0])[0] };
# a record may span lines
my $reversed = sub { my ($first, @rest) = $_[0] =~ /((?:"[^"]*"|[^"\n])+)\n?/g; join "\n", $first, reverse(@rest), '' };
write_objects('', $early, $whole);
is($pipeline->run->{status}, 'SUCCEEDED', 'a source is loaded');
$pipeline->{expected} = $pipeline->warehouse . $pipeline->dimensions;
is(whereabouts(), all_of([ 'first', 1, 0 ]), '... of which each row is shown');

write_objects('_again', $late, $whole);
is_everywhere('the same rows come in a later object', [ 'again', 1, 0 ], [ 'first', 0, 1 ]);
write_objects('', $early + 1, $head);
is_everywhere('they leave the first', [ 'again', 1, 0 ]);
write_objects('', $early, $whole);
is_everywhere('they come back', [ 'again', 1, 0 ], [ 'first', 0, 1 ]);
write_objects('_again', $late + 1, $head);
is_everywhere('they leave the later', [ 'first', 1, 0 ]);
write_objects('_again', $late, $whole);
is_everywhere('they come back', [ 'again', 1, 0 ], [ 'first', 0, 1 ]);

# a version that shows what the one before it showed need not be written for that,
# but must not be lost when another object takes its place
write_objects('', $early + 2, $reversed);
is_everywhere('the first has them in another order', [ 'again', 1, 0 ], [ 'first', 0, 1 ]);
write_objects('_again', $late + 2, $reversed);
is_everywhere('and so has the later', [ 'again', 1, 0 ], [ 'first', 0, 1 ]);
write_objects('', $later, $whole);
is_everywhere('the first becomes the later', [ 'again', 0, 1 ], [ 'first', 1, 0 ]);
write_objects('_again', $late + 3, $head);
is_everywhere('they leave the other', [ 'first', 1, 0 ]);
write_objects('_again', $late + 4, $whole);
my $rebuilt = $pipeline->run(q{input => '{"rebuild": true}'});
is($rebuilt->{status}, 'SUCCEEDED', 'all of it is built anew');
is(whereabouts(), all_of([ 'again', 0, 1 ], [ 'first', 1, 0 ]), '... each row is somewhere, once');
is(ledger_rejects(), sql('SELECT count(*) FROM olist_etl.reject'), '... and the ledger counts so');

$node->stop;
done_testing();
