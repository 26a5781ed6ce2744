# Loading in any split and any order gives the warehouse that loading all at once
# gives, surrogate keys and load times aside: the real data, of which some rows
# are corrected later, month by month, and in 40 random pieces in random order
# with runs that find nothing new, objects that change and change back, and a
# server that is stopped while it stages, builds and publishes; then some objects
# are forgotten, and some change for good, and the warehouse is what loading the
# rest at once gives.
# (WAREHOUSE.md's invariants 1, 3 and 5; SECURITY row C11.)
use strict;
use warnings;

use File::Copy qw(copy);
use Olist;
use Olist::Pieces;
use Olist::Split;
use PostgreSQL::Test::Utils;
use Test::More;

# the same cut each time, unless another is asked for
my $seed = $ENV{OLIST_TEST_SEED} // 1795521407;
note "OLIST_TEST_SEED=$seed";
srand $seed;

my $data = shared_data_or_skip() . '/olist';
my $node = olist_cluster('main', 'shared_buffers = 256MB');
my $directory = PostgreSQL::Test::Utils::tempdir();
copy($_, $directory) or die "$_: $!" for glob("$data/*.csv.gz");
my $split = Olist::Split->new($node, $directory);
$split->load_whole;
$split->load_pieces('month by month', by_month());
$split->load_pieces('40 random pieces', at_random(40), disturbed => 1);
$split->correct_pieces;

$node->stop;
done_testing();
