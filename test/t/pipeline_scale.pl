# Whole runs over a generated data set of the real one's size: the warehouse
# agrees with the files, memory stays within its bounds, nothing new is nothing
# done, and the files may be cut and compressed in any way.
# OLIST_TEST_SCALE=10 does the same with ten times as much.
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $scale = $ENV{OLIST_TEST_SCALE} // 1;
my $shared_buffers = 32;
my $bound = $scale <= 1 ? 300 : 400;
my $node = olist_cluster('main', "shared_buffers = '${shared_buffers}MB'", 'max_wal_size = 4GB');
my $pipeline = Olist::Pipeline->new($node, scale => $scale);

# the peaks of all of the server's processes while SQL runs in a session of its
# own, in kB, by process
sub peaks_during
{
	my ($sql) = @_;
	my %peak;
	my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->set_query_timer_restart;
	my $output = $session->query_until(qr/begun/, "\\echo begun\n$sql;\n\\echo ended\n");
	until ($output =~ /ended/ || $session->{stdout} =~ /ended/)
	{
		for my $path (glob '/proc/[0-9]*/status')
		{
			open my $file, '<', $path or next;
			my $status = do { local $/; <$file> } // '';
			next unless $status =~ /^PPid:\s+$postmaster$/m;
			my ($pid) = $path =~ /(\d+)/;
			my ($peak) = $status =~ /^VmHWM:\s+(\d+) kB/m;
			$peak{$pid} = $peak if $peak;
		}
		$session->{run}->pump_nb;
	}
	$session->quit;
	return %peak;
}

my $start = time;
my %peak = peaks_during('CALL olist_etl.run()');
note sprintf 'scale %s: %.1f s', $scale, time - $start;
is($node->safe_psql('postgres', q{SELECT string_agg(status, ' ') FROM olist_etl.run}), 'SUCCEEDED',
	"a run at scale $scale");
my ($largest) = sort { $b <=> $a } values %peak;
note sprintf 'the largest of %d processes: %d MB', scalar keys %peak, $largest / 1024;
cmp_ok(scalar keys %peak, '>', 5, 'the processes were watched');
cmp_ok($largest, '<', ($shared_buffers + $bound) * 1024, "... each within $bound MB above shared_buffers");

# every row arrived, and the sums agree
is($pipeline->agreement, 'all sums agree', 'the warehouse agrees with the files');
is( $node->safe_psql('postgres', q{SELECT count(*) || ' ' || sum(rows_rejected) || ' ' || sum(rows_read - rows_loaded)
		FROM olist_etl.ledger}), '9 0 0', 'every object is loaded, no row rejected');
is( $node->safe_psql('postgres', q{
		SELECT count(*) FROM olist_dw.fact_order f
		WHERE (item_count, price_total, freight_total) <>
		      (SELECT count(*), coalesce(sum(price), 0), coalesce(sum(freight), 0)
		         FROM olist_dw.fact_order_item i WHERE i.order_key = f.order_key)
		   OR (payment_count, payment_total) <>
		      (SELECT count(*), coalesce(sum(value), 0)
		         FROM olist_dw.fact_payment p WHERE p.order_key = f.order_key)}),
	'0', 'each order has the sums of its details');
is( $node->safe_psql('postgres', q{
		SELECT count(*) FROM olist_dw.fact_order_item
		WHERE product_key = -1 OR seller_key = -1 OR customer_key = -1 OR purchase_date_key = -1}),
	'0', 'every item knows its product, seller, customer and day');
is( $node->safe_psql('postgres', q{
		SELECT count(*) FROM (
			SELECT valid_from, lag(valid_to) OVER w AS former, is_current, valid_to,
			       version, row_number() OVER w AS n
			FROM olist_dw.dim_customer WHERE customer_key <> -1
			WINDOW w AS (PARTITION BY customer_unique_id ORDER BY valid_from, version)) v
		WHERE (former IS NOT NULL AND former <> valid_from) OR version <> n
		   OR is_current <> (valid_to = 'infinity')}),
	'0', 'the versions of a customer follow one another');

# nothing new: nothing is written
my $counts = q{SELECT string_agg(format('%s %s %s %s', relname, n_tup_ins, n_tup_upd, n_tup_del), ', ' ORDER BY relname)
	FROM pg_stat_user_tables WHERE schemaname IN ('olist_dw', 'olist_staging')};
my $whole = $pipeline->warehouse;
my $before = $node->safe_psql('postgres', $counts);
$start = time;
unlike($pipeline->run->{messages}, qr/stage/i, 'nothing new: nothing is staged');
note sprintf 'nothing new: %.3f s', time - $start;
is($node->safe_psql('postgres', $counts), $before, '... and nothing is written');

# the same rows in another form, in a database of their own
$pipeline->forget_everything;
my $months = Olist::Pipeline->new($node, scale => $scale, split => 'month', compress => 'gzip');
my $run = $months->run;
is($run->{status}, 'SUCCEEDED', 'the same, cut by months and compressed');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM olist_etl.ledger'), '>', 100, '... over a hundred objects');
is($months->warehouse, $whole, '... gives the same warehouse');

$node->stop;
done_testing();
