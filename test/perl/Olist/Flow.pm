# What the tests of the workflow engine share: task functions that can be held,
# failed and counted, workflows of them, and questions about what is left over.
#
#     my $flow = Olist::Flow->new($node);
#     $flow->workflow('w', $flow->map_of('hold'));
#     my $call = $flow->start_call(q(CALL olist_etl.run('w', '[1,2]')));
#     $flow->wait_for_tasks(2);
#     ...
#     my ($error) = $flow->finish($call);
package Olist::Flow;

use strict;
use warnings;

use IPC::Run;
use Olist;
use PostgreSQL::Test::Utils;
use Test::More;

# over a cluster that has it all: a copy of one for which new() was called
sub new_over
{
	my ($class, $node, %param) = @_;
	return bless {
		node => $node,
		dbname => $param{dbname} // 'postgres',
		directory => PostgreSQL::Test::Utils::tempdir(),
		calls => 0
	}, $class;
}

sub new
{
	my ($class, $node, %param) = @_;
	my $self = $class->new_over($node, %param);
	$self->sql(<<'SQL');
CREATE SCHEMA flow_test;
GRANT USAGE ON SCHEMA flow_test TO PUBLIC;
CREATE TABLE flow_test.done (what text, pid int DEFAULT pg_backend_pid(), role name DEFAULT current_user);
GRANT INSERT, SELECT ON flow_test.done TO PUBLIC;
-- one row a call that committed
CREATE FUNCTION flow_test.work(argument jsonb) RETURNS jsonb LANGUAGE sql AS
	'INSERT INTO flow_test.done (what) VALUES (argument #>> ''{}''); SELECT argument';
-- the same, but only while nobody holds the lock
CREATE FUNCTION flow_test.hold(argument jsonb) RETURNS jsonb LANGUAGE sql AS
	'INSERT INTO flow_test.done (what) VALUES (argument #>> ''{}'');
	 SELECT pg_advisory_xact_lock_shared(6105); SELECT argument';
SQL
	return $self;
}

sub sql
{
	my ($self, $sql) = @_;
	return $self->{node}->safe_psql($self->{dbname}, $sql);
}

# a workflow of one task, or of a Map over its input, in the words of the engine
sub workflow
{
	my ($self, $name, $definition) = @_;
	$self->sql("SELECT olist_etl.create_workflow('$name', \$json\$$definition\$json\$)");
}

sub task
{
	my ($self, $function, $more) = @_;
	$more //= '';
	return qq("Type": "Task", "Resource": "olist:flow_test.$function"$more, "End": true);
}

sub one_of
{
	my ($self, $function, $more) = @_;
	my $task = $self->task($function, $more);
	return qq({"StartAt": "One", "States": {"One": {$task}}});
}

sub map_of
{
	my ($self, $function, $more) = @_;
	my $task = $self->task($function, $more);
	return qq({"StartAt": "Map", "States": {"Map": {"Type": "Map", "End": true,
		"ItemProcessor": {"StartAt": "Item", "States": {"Item": {$task}}}}}});
}

# a retry for a worker that dies, without delay
sub retry
{
	return ', "Retry": [{"ErrorEquals": ["Olist.WorkerCrashed", "Olist.Retryable"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 5}]';
}

# A session that executes SQL while the test goes on; PARAM{options} are for PGOPTIONS.
sub start_call
{
	my ($self, $sql, %param) = @_;
	my $node = $self->{node};
	my $call = { out => '', err => '' };
	my $file = "$self->{directory}/call" . ++$self->{calls} . '.sql';
	PostgreSQL::Test::Utils::append_to_file($file, $sql);
	my @user = $param{user} ? ('-U', $param{user}) : ();
	local $ENV{PGOPTIONS} = $param{options} // '';
	local $ENV{PGAPPNAME} = $param{name} // 'flow_call';
	$call->{harness} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($self->{dbname}), @user, '-f', $file ],
		'<', \undef, '>', \$call->{out}, '2>', \$call->{err});
	return $call;
}

# Waits for the session's end; returns what it wrote to stderr and to stdout.
sub finish
{
	my ($self, $call) = @_;
	IPC::Run::finish($call->{harness});
	return ($call->{err}, $call->{out});
}

# has the session come to its end?
sub has_ended
{
	my (undef, $call) = @_;
	my $harness = $call->{harness};
	$harness->pump_nb if $harness->pumpable;
	return !$harness->pumpable;
}

# a lock that keeps "hold" waiting, in a session of its own
sub hold
{
	my ($self) = @_;
	$self->{holder} = $self->{node}->background_psql($self->{dbname});
	$self->{holder}->query_safe('SELECT pg_advisory_lock(6105)');
}

sub release
{
	my ($self) = @_;
	(delete $self->{holder})->quit;
}

# the server that held the lock is gone, and the lock with it
sub forget_holder
{
	my ($self) = @_;
	(delete $self->{holder})->{run}->kill_kill;
}

sub scalar_is
{
	my ($self, $sql, $expected, $what) = @_;
	is($self->sql($sql), $expected, $what);
}

# tasks that wait for the lock
sub waiting_tasks
{
	my ($self) = @_;
	return $self->sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 6105 AND NOT granted");
}

sub wait_for_tasks
{
	my ($self, $n) = @_;
	poll_until(sub { $self->waiting_tasks == $n }, "$n tasks wait");
}

sub workers
{
	my ($self) = @_;
	return $self->sql(q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'olist_etl worker'));
}

# the pid of the session that is in the call
sub call_pid
{
	my ($self, $name) = @_;
	$name //= 'flow_call';
	return $self->sql("SELECT pid FROM pg_stat_activity WHERE application_name = '$name' AND backend_type = 'client backend'");
}

sub last_run
{
	my ($self, $columns) = @_;
	$columns //= 'status';
	return $self->sql("SELECT $columns FROM olist_etl.run ORDER BY run_id DESC LIMIT 1");
}

# nothing of a run goes on, and its row says how it ended
sub ended_as
{
	my ($self, $status, $what) = @_;
	is($self->workers, 0, "$what: no worker is left");
	is($self->waiting_tasks, 0, "$what: no task is left");
	is($self->last_run, $status, "$what: the run is $status");
	is($self->sql(q(SELECT count(*) FROM olist_etl.task WHERE status = 'RUNNING')), 0,
		"$what: no attempt is RUNNING");
	is($self->sql(q(SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%')), 0,
		"$what: no transaction is open");
}

1;
