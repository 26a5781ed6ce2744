# At every point of a load something goes wrong, in every way: the object is
# wholly out, what was there before is still there, and the next load does it.
use strict;
use warnings;

use Olist;
use Olist::Loading;
use Test::More;

my $node = olist_cluster('main', 'restart_after_crash = on');
plan skip_all => 'built without -DOLIST_FAULT_POINTS'
  unless $node->safe_psql('postgres', q{LOAD 'olist_etl'; SELECT count(*) FROM pg_settings WHERE name = 'olist_etl.fault'});

my %error = (
	error => qr/injected|fault/,
	oom => qr/out of memory|53200/,
	cancel => qr/canceling statement due to user request/,
	terminate => qr/terminating connection/,
	crash => qr/./);
my @points = qw(load-claimed load-removed load-write load-transferred load-finished);

my $source = Olist::Loading->new($node);
my $rows = 5000;
$source->write_orders($rows);
$node->safe_psql('postgres', $Olist::Loading::stage);
my $ledger = $rows;

# the source is discovered first: only the load itself is to fail
my $stage_with = sub {
	my ($fault) = @_;
	return "SELECT olist_etl.discover() AS found \\gset\nSET olist_etl.fault = '$fault';
		SELECT olist_etl.stage(o) FROM jsonb_array_elements(:'found'::jsonb -> 'objects') o;";
};

for my $point (@points)
{
	for my $action (sort keys %error)
	{
		my $before = $rows++;
		$source->write_orders($rows);
		my ($status, $out, $err) = $node->psql('postgres', $stage_with->("$point=$action"));
		isnt($status, 0, "$action at $point");
		like($err, $error{$action}, '... is told') unless $action eq 'crash';
		$node->poll_query_until('postgres', 'SELECT 1', '1') or die 'no server' if $action eq 'crash';
		my $left = $action eq 'crash' ? 0 : $before;
		is($source->state, "changed 1, $left rows, ledger $ledger", '... and leaves what was there');
		$node->safe_psql('postgres', $Olist::Loading::stage);
		$ledger .= ", $rows";
		is($source->state, "unpublished 1, $rows rows, ledger $ledger", '... for the next load to replace');
	}
}
$node->stop;
done_testing();
