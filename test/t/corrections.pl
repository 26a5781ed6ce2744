# Whatever happens to objects, the warehouse and the rejects are, column for column,
# what a first load of the objects that count gives: objects that come, change, change
# back, go, are forgotten and remembered, with rows that no table can hold, rows that
# wait for others, and rows that several objects have; runs that find nothing, are
# refused, undone, or end with the server, and rebuilds. All of that at random, the
# same each time unless OLIST_TEST_SEED says otherwise; OLIST_TEST_STEPS are done.
# (WAREHOUSE.md's invariants 1 and 3; SECURITY row C11.)
use strict;
use warnings;

use Olist;
use Olist::Corrections;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{OLIST_TEST_SEED} // 205;
my $steps = $ENV{OLIST_TEST_STEPS} // 100;
note "OLIST_TEST_SEED=$seed OLIST_TEST_STEPS=$steps";
srand $seed;

my $node = olist_cluster('main', 'autovacuum = off');
my $directory = PostgreSQL::Test::Utils::tempdir() . '/whole';
$node->safe_psql('postgres', "SELECT olist_etl.generate_sample('$directory', 0.003, $seed)");
my $model = Olist::Corrections->new($node, $directory, $seed);
$model->step foreach 1 .. $steps;
$model->finish;

$node->stop;
done_testing();
