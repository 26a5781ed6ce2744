# W16: the server's time jumps by a day, forward and back, while a run waits,
# delays a retry, or has a task that must end in time. All of it takes as long as
# it says.
use strict;
use warnings;

use Olist;
use Olist::Flow;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1';
plan skip_all => 'libfaketime is not installed' unless $library;

my $clock = PostgreSQL::Test::Utils::tempdir() . '/clock';

# the server's time from now on: so many days away
sub jump
{
	my ($days) = @_;
	open my $file, '>', "$clock.new" or die "$clock: $!";
	printf $file "%+dd\n", $days;
	close $file;
	rename "$clock.new", $clock or die "$clock: $!";
	return;
}

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_worker_processes = 8");
{
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{FAKETIME_TIMESTAMP_FILE} = $clock;
	local $ENV{FAKETIME_NO_CACHE} = 1;
	local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
	local $ENV{DONT_FAKE_MONOTONIC} = 1;
	jump(0);
	$node->start;
}
$node->safe_psql('postgres', 'CREATE EXTENSION olist_etl');
my $flow = Olist::Flow->new($node);
$flow->sql(q(CREATE SEQUENCE flow_test.tries;
	CREATE FUNCTION flow_test.fail_once(argument jsonb) RETURNS jsonb LANGUAGE sql AS
		'SELECT to_jsonb(1 / (nextval(''flow_test.tries'') % 2))'));
$flow->sql(q(SELECT setval('flow_test.tries', 1)));

# busy until the lock is released: within the system calls that wait, libfaketime
# lets a signal's handler see the machine's time
$flow->sql(q(CREATE FUNCTION flow_test.spin(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS
	'BEGIN LOOP EXIT WHEN pg_try_advisory_xact_lock_shared(6105); END LOOP; RETURN argument; END'));

my $timeout = ', "TimeoutSeconds": 2';
my $held = q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 6105 AND NOT granted);
my %cases = (
	'a Wait' => {
		definition => '{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 2, "End": true}}}',
		begun => 'SELECT count(*) FROM olist_etl.progress WHERE due_at IS NOT NULL',
		status => 'SUCCEEDED' },
	'the delay of a retry' => {
		definition => $flow->one_of('fail_once', ', "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2}]'),
		begun => 'SELECT count(*) FROM olist_etl.progress WHERE due_at IS NOT NULL',
		status => 'SUCCEEDED' },
	'the time of a task in a worker' => {
		definition => $flow->map_of('hold', $timeout),
		input => '[1, 2]',
		begun => "SELECT 1 WHERE 2 = ($held)",
		status => 'FAILED|States.Timeout' },
	'the time of a task in the session' => {
		definition => $flow->one_of('spin', $timeout),
		begun => q(SELECT count(*) FROM olist_etl.task WHERE status = 'RUNNING'),
		only_forward => 1,
		status => 'FAILED|States.Timeout' });
my $name = 'a';

sub try
{
	my ($what, $days) = @_;
	my $case = $cases{$what};
	$flow->workflow(++$name, $case->{definition});
	$flow->hold;
	my $call = $flow->start_call(sprintf q(CALL olist_etl.run('%s', '%s');), $name, $case->{input} // '1');
	poll_until(sub { ($flow->sql($case->{begun}) || 0) > 0 }, "$what has begun");
	my $start = time;
	jump($days);
	$flow->finish($call);
	my $seconds = time - $start;
	is($flow->last_run(q(concat_ws('|', status, error))), $case->{status}, "$what, the clock jumps by $days days: how it ends");
	cmp_ok($seconds, '>', 1, '... not before it is time');
	cmp_ok($seconds, '<', 8, '... nor much later');
	is($flow->workers, 0, '... with no worker left');
	jump(0);
	$flow->release;
	return;
}

foreach my $what (sort keys %cases)
{
	foreach my $days (1, -1)
	{
		# in the session only the server's timers can end SQL, and those are late when it is set back
		next if $days < 0 && $cases{$what}{only_forward};
		try($what, $days);
	}
}

# cancelling does not wait for the clock either
$flow->workflow('hold_map', $flow->map_of('hold'));
$flow->hold;
my $call = $flow->start_call(q(CALL olist_etl.run('hold_map', '[1, 2]');));
$flow->wait_for_tasks(2);
my @workers = split /\n/, $flow->sql(q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'olist_etl worker'));
kill 'STOP', @workers;
my $start = time;
$flow->sql('SELECT olist_etl.cancel(max(run_id)) FROM olist_etl.run');
jump(-1);
$flow->finish($call);
cmp_ok(time - $start, '<', 4, 'a cancelled run waits no day for workers that do not answer');
kill 'CONT', @workers;
$flow->release;

$node->stop;
done_testing();
