# CALL olist_etl.run() cancelled at any moment: it returns within two seconds,
# leaves no worker and no open transaction, and the session goes on; the
# warehouse is the former one or the new one, and the next run does the rest.
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

# a larger scale has longer loops to be cancelled in
my $cancels = $ENV{OLIST_TEST_CANCELS} // 200;
my $scale = $ENV{OLIST_TEST_SCALE} // 0.02;

my $node = olist_cluster('main', 'max_worker_processes = 8');
my $pipeline = Olist::Pipeline->new($node, scale => $scale);
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $canceller = $node->background_psql('postgres');
$_->set_query_timer_restart for $session, $canceller;
my $pid = $session->query_safe('SELECT pg_backend_pid()');
my $seed = $ENV{OLIST_TEST_SEED} // int(time);
note "OLIST_TEST_SEED=$seed";
srand $seed;

# two data sets that the source changes between
my $other = PostgreSQL::Test::Utils::tempdir();
$pipeline->generate($other, scale => $scale, seed => 2);
my %files;
for my $data (0, 1)
{
	my $from = $data ? $other : $pipeline->directory;
	$files{$data} = { map { s/.*\///r => slurp_file($_) } glob("$from/*.csv") };
}

sub change_source
{
	my ($data) = @_;
	$pipeline->write_file($_, $files{$data}{$_}) for sort keys %{ $files{$data} };
	$pipeline->touch;
	return;
}

# how long an undisturbed run takes at least, and what it gives, of either data set
my (@warehouse, $duration);
for my $data (0, 1, 0, 1)
{
	change_source($data);
	my $start = time;
	is($pipeline->run->{status}, 'SUCCEEDED', "data set $data is loaded");
	$duration = time - $start if !$duration || time - $start < $duration;
	$warehouse[$data] //= $pipeline->warehouse;
	is($pipeline->warehouse, $warehouse[$data], '... always with the same result');
}
isnt($warehouse[0], $warehouse[1], 'two data sets, two warehouses');

my ($slowest, $cancelled, $data, $done) = (0, 0, 1, 1);
my %wrong;
for my $i (1 .. $cancels)
{
	# something to do: what a cancelled run left, or a changed source
	change_source($data = 1 - $data) if $done || $i % 3 == 0;
	$session->{stderr} = '';
	my $output = $session->query_until(qr/begun/, "\\echo begun\nCALL olist_etl.run();\n\\echo ended\n");
	sleep rand $duration;
	my $start = time;
	$canceller->query_safe("SELECT pg_cancel_backend($pid)");
	$session->query_until(qr/ended/, '') unless $output =~ /ended/;
	my $took = time - $start;
	$slowest = $took if $took > $slowest;
	$done = $session->{stderr} !~ /canceling statement due to user request/;
	$cancelled++ if !$done;
	$wrong{"returned after $took s"}++ if $took > 2;

	# the cancel may have come after the end: then it hits the next statement, or nothing
	$session->{stderr} = '';
	my $answer = $session->query('SELECT 6 * 7');
	$answer = $session->query('SELECT 6 * 7') if $session->{stderr} =~ /user request/;
	$wrong{"the session is not usable: $session->{stderr}"}++ if $answer ne '42';
	my $left = $canceller->query_safe(qq{
		SELECT string_agg(format('%s %s %s', backend_type, state, query), ' + ')
		FROM pg_stat_activity
		WHERE backend_type LIKE 'olist_etl%' OR (pid = $pid AND state <> 'idle')});
	$wrong{"left behind: $left"}++ if $left ne '';
	$left = $canceller->query_safe(qq{SELECT count(*) FROM pg_locks WHERE pid = $pid AND locktype <> 'virtualxid'});
	$wrong{"$left locks left behind"}++ if $left ne '0';
	$left = $canceller->query_safe(q{SELECT count(*) FROM olist_etl.run WHERE status = 'RUNNING'});
	$wrong{"$left runs still RUNNING"}++ if $left ne '0';
	if ($i % 10 == 0)
	{
		my $now = $pipeline->warehouse;
		$wrong{"neither the one warehouse nor the other: $now"}++
		  if $now ne $warehouse[0] && $now ne $warehouse[1];
	}
}
note sprintf '%d of %d cancelled, the slowest after %.3f s', $cancelled, $cancels, $slowest;
cmp_ok($cancelled, '>', $cancels / 2, 'most cancels hit a run');
is_deeply(\%wrong, {}, "$cancels cancels: each returns within two seconds and leaves nothing");

is($pipeline->run->{status}, 'SUCCEEDED', 'the next run does the rest');
is($pipeline->warehouse, $warehouse[$data], '... and gives the warehouse of an undisturbed one');
is($node->safe_psql('postgres', q{SELECT count(*), sum(rows_read - rows_loaded - rows_rejected)
	FROM olist_etl.ledger WHERE is_current}), '9|0', '... with every object once');

$session->quit;
$canceller->quit;
$node->stop;
done_testing();
