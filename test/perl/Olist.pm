# What the TAP tests of this project share, over PostgreSQL::Test: a cluster
# with the extension, the throw-away S3 server, the fault proxy, the real data.
#
#     use Olist;
#     use Test::More;
#
#     my $node = olist_cluster('main', 'max_worker_processes = 4');
#     my $s3 = s3_or_skip();
#     $s3->make_bucket('b');
#     $s3->put('b', 'orders.csv', \"a,b\n1,2\n");
#     my $proxy = fault_proxy();
#     $proxy->fault(do => 'reset', after => 100, match => { method => 'GET' });
#     ... $proxy->endpoint ... $proxy->log ...
#     poll_until(sub { ... }, 'the worker has started');
#
# test/README.md lists the environment variables.
package Olist;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use Exporter 'import';
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use Olist::FaultProxy;
use Olist::S3;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  olist_cluster
  s3_or_skip
  temporary_s3
  new_bucket
  fault_proxy
  shared_data
  shared_data_or_skip
  poll_until
  fault_server
  $repository
);

# The repository's top directory: the tests may read what is checked in.
our $repository = abs_path(dirname(__FILE__) . '/../..');

# A started cluster whose database postgres has the extension. Each of CONF is a
# line, or several, for postgresql.conf.
sub olist_cluster
{
	my ($name, @conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', "fsync = off\n" . join("\n", @conf));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION olist_etl');
	return $node;
}

# A copy of the server's programs whose olist_etl is built with fault points (see
# src/base/fault.h), as an install_path for PostgreSQL::Test::Cluster->new().
# Made once in a test run.
sub fault_server
{
	my $directory = ($ENV{TESTDIR} // '.') . '/fault_server';
	chomp(my ($bindir, $libdir, $sharedir) = map { qx("$ENV{PG_CONFIG}" --$_) } qw(bindir pkglibdir sharedir));

	# the server finds its files relative to its programs: the layout is kept
	my $prefix = $bindir;
	$prefix =~ s{/[^/]*$}{} until index($libdir, "$prefix/") == 0 && index($sharedir, "$prefix/") == 0;
	my ($bin, $lib, $share) = map { $directory . substr($_, length $prefix) } $bindir, $libdir, $sharedir;
	(my $install_path = $bin) =~ s{/bin$}{};

	# tests run side by side: one makes it, the other waits
	open my $lock, '>', "$directory.lock" or die "$directory.lock: $!";
	flock $lock, LOCK_EX or die "$directory.lock: $!";
	return $install_path if -e "$directory/built";

	run_or_die('rm', '-rf', $directory);
	foreach ([ $bindir, $bin ], [ $libdir, $lib ], [ $sharedir, $share ])
	{
		run_or_die('mkdir', '-p', $_->[1]);
		run_or_die('cp', '-rL', "$_->[0]/.", $_->[1]);
	}
	run_or_die('mkdir', "$directory/tree");
	run_or_die('cp', '-rL', (map { "$repository/$_" } qw(Makefile olist_etl.control sql src)), "$directory/tree");
	run_or_die('find', "$directory/tree", '-name', '*.o', '-delete');
	run_or_die('make', '-s', '-C', "$directory/tree", 'COPT=-O0 -DOLIST_FAULT_POINTS', 'all');
	run_or_die('cp', "$directory/tree/olist_etl.so", $lib);
	run_or_die('touch', "$directory/built");
	return $install_path;
}

sub run_or_die
{
	system(@_) == 0 or die "failed: @_";
}

# The S3 server of this test run; skips the whole test where there is none.
sub s3_or_skip
{
	my $s3 = Olist::S3->from_env;
	plan skip_all => 'no S3 server: S3_ENDPOINT is not set' unless $s3;
	return $s3;
}

# Temporary credentials for the S3 server, valid for SECONDS: a client with them.
sub temporary_s3
{
	my ($seconds) = @_;
	my %value = map { /^(\w+)=(.*)/ } split /\n/,
	  qx("$repository/test/servers/ceph.sh" token "$ENV{S3_DIRECTORY}" $seconds);
	return Olist::S3->new(
		endpoint => $ENV{S3_ENDPOINT},
		access_key => $value{AWS_ACCESS_KEY_ID},
		secret_key => $value{AWS_SECRET_ACCESS_KEY},
		session_token => $value{AWS_SESSION_TOKEN});
}

# A bucket with a name of its own, so that tests cannot meet in one.
my $bucket_count = 0;

sub new_bucket
{
	my ($s3) = @_;
	my $name = sprintf 'test-%d-%d-%d', time, $$, ++$bucket_count;
	$s3->make_bucket($name);
	return $name;
}

# A fault proxy before the S3 server (or before PARAM{upstream}, a port); it
# ends with the test. See test/servers/faultproxy.js for what it can do.
sub fault_proxy
{
	my (%param) = @_;
	my ($port) = ($ENV{S3_ENDPOINT} // '') =~ /:(\d+)$/;
	return Olist::FaultProxy->new(upstream => $port, %param);
}

# The directory with the reference data, or undef. The real Olist files are in
# its subdirectory olist.
sub shared_data
{
	my $directory = $ENV{OLIST_SHARED_DATA} // "$repository/../shared/data";
	return -d $directory ? abs_path($directory) : undef;
}

# shared_data() for tests that are about nothing else.
sub shared_data_or_skip
{
	my $directory = shared_data();
	plan skip_all => 'no reference data: OLIST_SHARED_DATA is not set' unless $directory;
	return $directory;
}

# Waits until CONDITION returns true; fails the test, and returns false, when it
# has not within SECONDS.
sub poll_until
{
	my ($condition, $what, $seconds) = @_;
	my $end = time + ($seconds // $PostgreSQL::Test::Utils::timeout_default);
	my $pause = 0.02;
	until ($condition->())
	{
		return ok(0, "timed out: $what") || 0 if time > $end;
		sleep $pause;
		$pause *= 1.5 if $pause < 0.5;
	}
	return 1;
}

1;
