# Objects that have changed are merged as if all were built anew: in each round some
# files get a version in which few rows are gone, or others, or come twice, or come
# from another file, and which may be older than the one before. What the merge
# makes of that is what a rebuild finds, and so are the rejects.
# (WAREHOUSE.md's invariants 1 to 3.)
use strict;
use warnings;

use List::Util qw(shuffle);
use Olist;
use Olist::Pieces;
use Olist::Split;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = $ENV{OLIST_TEST_ROUNDS} // 8;
my $seed = $ENV{OLIST_TEST_SEED} // 1;
note "OLIST_TEST_SEED=$seed";
srand $seed;

my $node = olist_cluster('main', 'autovacuum = off');
my $whole = PostgreSQL::Test::Utils::tempdir() . '/whole';
my $source = PostgreSQL::Test::Utils::tempdir() . '/source';
$node->safe_psql('postgres', "SELECT olist_etl.generate_sample('$whole', 0.01, $seed)");

# three files of each entity, and three that correct some of their rows
my $split = Olist::Split->new($node, $whole);
my $cut = cut_data_set($whole, $source, at_random(3));
my @files = sort map { @$_ } values %{ $cut->{pieces} };
$split->start_anew($source);
$split->run;
is($split->{failed}, 0, 'there is a warehouse of ' . @files . ' files');

# the warehouse is what a rebuild makes it, and so are the rejects
sub is_as_rebuilt
{
	my ($what) = @_;
	my $rejects = $split->rejects;
	$split->sql(q{
		SET client_min_messages = warning;
		DROP SCHEMA IF EXISTS merged CASCADE;
		CREATE SCHEMA merged;
		SELECT format('CREATE TABLE merged.%1$I AS TABLE olist_dw.%1$I', relname)
		FROM pg_class WHERE relnamespace = 'olist_dw'::regnamespace AND relkind = 'r' \gexec});
	is($split->{pipeline}->run(q{input => '{"rebuild": true}'})->{status}, 'SUCCEEDED', "$what: and a rebuild");
	is($split->differences('merged'), '', '... finds the same');
	is($split->rejects, $rejects, '... and the same rejects');
	return;
}

foreach my $round (1 .. $rounds)
{
	my @changed = (shuffle grep { !/_(products|sellers)_/ } @files)[ 0 .. int rand 4 ];
	my %gone;
	foreach my $file (@changed)
	{
		my $entity = $file =~ s/_(later|dataset|\d).*//r;
		$gone{$entity} = [ vary_object("$source/$file", @{ $gone{$entity} // [] }) ];
	}
	$split->run;
	is($split->{failed}, 0, "round $round: @changed");
	is_as_rebuilt("round $round");
}

# rows without a key are never the same as what the warehouse holds: what they name is looked at again
my ($items) = grep { /order_items/ } @files;
append_to_file("$source/$items", ",$_") foreach split /^/, $split->sql(q{
	SELECT concat_ws(',', row_number() OVER (), product_id, seller_id, '2018-01-01 00:00:00', 1, 1) || E'\n'
	FROM olist_dw.dim_product, (SELECT seller_id FROM olist_dw.dim_seller LIMIT 1) s WHERE NOT is_inferred LIMIT 30});
$split->run;
is($split->{failed}, 0, 'rows without an order are added');
is_as_rebuilt('those rows');

$node->stop;
done_testing();
