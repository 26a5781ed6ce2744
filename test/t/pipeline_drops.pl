# A data set that arrives in pieces gives the warehouse of the whole: month by
# month, and in any order, where items come before their orders, orders before
# their customers, and reviews before either.
use strict;
use warnings;

use List::Util qw(shuffle);
use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{OLIST_TEST_SEED} // int(time);
note "OLIST_TEST_SEED=$seed";
srand $seed;

my $node = olist_cluster('main');
my $pipeline = Olist::Pipeline->new($node, scale => 0.03);
is($pipeline->run->{status}, 'SUCCEEDED', 'the whole is loaded at once');
my ($warehouse, $dimensions) = ($pipeline->warehouse, $pipeline->dimensions);
my $waiting = 0;

# Load the data set, cut by months, in pieces: each a list of files. CHOOSE makes
# them out of all files.
sub load_pieces
{
	my ($what, $choose) = @_;
	$pipeline->forget_everything;
	$node->safe_psql('postgres', 'UPDATE olist_etl.entity SET is_required = false');
	my $drops = Olist::Pipeline->new($node, scale => 0.03, split => 'month');
	my $later = PostgreSQL::Test::Utils::tempdir();
	my @files = map { s/.*\///r } glob($drops->directory . '/*.csv');
	rename $drops->directory . "/$_", "$later/$_" or die "$_: $!" for @files;

	my $failed = 0;
	my @pieces = $choose->(@files);
	for my $piece (@pieces)
	{
		rename "$later/$_", $drops->directory . "/$_" or die "$_: $!" for @$piece;
		my $run = $drops->run;
		$failed++ if $run->{status} ne 'SUCCEEDED';
		note "@$piece: $run->{messages}" if $run->{status} ne 'SUCCEEDED';
		$waiting += $node->safe_psql('postgres', q{SELECT count(*) FROM olist_etl.reject WHERE reason = 'orphan'});
	}
	is($failed, 0, sprintf '%s: %d runs over %d files', $what, scalar @pieces, scalar @files);
	is($drops->warehouse, $warehouse, '... give the same facts');
	is($drops->dimensions, $dimensions, '... and the same dimensions');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM olist_etl.reject}), '0', '... and nothing waits');
	is($drops->run->{rows}, '0', '... nor is there anything left to do');
	return;
}

load_pieces('month by month', sub {
	my %month;
	push @{ $month{ /_(\d{4}-\d\d)\.csv$/ ? $1 : '0' } }, $_ for @_;
	return map { $month{$_} } sort keys %month;
});
is($waiting, 0, 'in the order of time nothing waits for its order');

load_pieces('in any order', sub {
	my @files = shuffle @_;
	my @pieces;
	push @pieces, [ splice @files, 0, 1 + int rand 12 ] while @files;
	return @pieces;
});
cmp_ok($waiting, '>', 0, '... in any order, much does, until it comes');

$node->stop;
done_testing();
