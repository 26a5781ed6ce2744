# Loading under bad luck: whatever happens to the session, the server or the
# disk, an object is wholly in or wholly out, and the next load does the rest.
# (SECURITY rows L15, L16, L21 to L24, C11.)
use strict;
use warnings;

use Olist;
use Olist::Loading;
use PostgreSQL::Test::Utils;
use Test::More;

# a disk that is full for tables: their pwrite() fails while a flag file is there
my $directory = PostgreSQL::Test::Utils::tempdir();
my $flag = "$directory/disk_is_full";
open my $source_file, '>', "$directory/full.c" or die $!;
print $source_file <<'C';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* there is no room beyond the first megabyte of a table's file */
static int full(int fd, off_t end)
{
	char link[64], path[4096];
	ssize_t n;

	if (end <= 1024 * 1024 || access(getenv("DISK_FULL_FLAG"), F_OK) != 0)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = 0;
	return strstr(path, "/base/") != NULL;
}
#define NO_ROOM(fd, end) do { if (full(fd, end)) { errno = ENOSPC; return -1; } } while (0)

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);

	NO_ROOM(fd, at + n);
	if (!real) real = dlsym(RTLD_NEXT, "pwrite");
	return real(fd, buf, n, at);
}
ssize_t pwrite64(int fd, const void *buf, size_t n, off_t at) { return pwrite(fd, buf, n, at); }

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	static ssize_t (*real)(int, const struct iovec *, int, off_t);

	NO_ROOM(fd, at + 1);
	if (!real) real = dlsym(RTLD_NEXT, "pwritev");
	return real(fd, iov, n, at);
}
ssize_t pwritev64(int fd, const struct iovec *iov, int n, off_t at) { return pwritev(fd, iov, n, at); }

int posix_fallocate(int fd, off_t at, off_t len)
{
	static int (*real)(int, off_t, off_t);

	if (full(fd, at + len)) return ENOSPC;
	if (!real) real = dlsym(RTLD_NEXT, "posix_fallocate");
	return real(fd, at, len);
}
int posix_fallocate64(int fd, off_t at, off_t len) { return posix_fallocate(fd, at, len); }
C
close $source_file;
system($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', "$directory/full.so", "$directory/full.c", '-ldl') == 0
  or die 'cannot compile the full disk';

# for every server that this test starts
$ENV{LD_PRELOAD} = "$directory/full.so";
$ENV{DISK_FULL_FLAG} = $flag;
my $node = olist_cluster('main', 'restart_after_crash = on');
my $source = Olist::Loading->new($node);
my $rows = 20_000;

sub psql_error
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $err;
}

# L21: cancelled after the rows were written, before the commit
$source->write_orders($rows);
my ($session, $pid, $locker) = $source->stage_and_wait;
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$session->query_until(qr/ended/, '');
like($session->{stderr}, qr/canceling statement due to user request/, 'L21: a load is cancelled');
$locker->quit;
is($source->state, 'new 1, 0 rows, ledger empty', '... and leaves nothing behind');
$session->{stderr} = '';
is($session->query($Olist::Loading::stage), 'stage: loaded', '... in a session that can go on');
$session->quit;
is($source->state, "unpublished 1, $rows rows, ledger $rows", '... with the same object');

# L22: the timeouts
for my $case (
	[ "SET statement_timeout = '1s'", qr/statement timeout/, 'statement_timeout' ],
	[ "SET lock_timeout = '500ms'", qr/lock timeout/, 'lock_timeout' ])
{
	$source->write_orders(++$rows);
	($session, $pid, $locker) = $source->stage_and_wait($case->[0]);
	$session->query_until(qr/ended/, '');
	like($session->{stderr}, $case->[1], "L22: a load runs into $case->[2]");
	$locker->quit;
	$session->quit;
	like($source->state, qr/^changed 1, 20000 rows, ledger 20000$/, '... and leaves what was there');
}

# L23: terminated
($session, $pid, $locker) = $source->stage_and_wait;
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
poll_until(sub { !$node->safe_psql('postgres', "SELECT 1 FROM pg_stat_activity WHERE pid = $pid") },
	'the session has ended');
$locker->quit;
eval { $session->quit };
is($source->state, 'changed 1, 20000 rows, ledger 20000', 'L23: a terminated load leaves what was there');
$node->safe_psql('postgres', $Olist::Loading::stage);
is($source->state, "unpublished 1, $rows rows, ledger 20000, $rows", '... for the next to replace');

# L24, C11: kill -9 restarts the server and empties unlogged tables
$source->write_orders(++$rows);
($session, $pid, $locker) = $source->stage_and_wait;
kill 'KILL', $pid or die $!;
eval { $_->quit } for $session, $locker;
$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no server';
is($source->state, sprintf('changed 1, 0 rows, ledger 20000, %d', $rows - 1),
	'L24: after a crash the object is wholly out');
$node->safe_psql('postgres', $Olist::Loading::stage);
is($source->state, sprintf('unpublished 1, %d rows, ledger 20000, %d, %d', $rows, $rows - 1, $rows),
	'... until it is wholly in');
$node->stop('immediate');
$node->start;
like($source->state, qr/^lost 1, 0 rows, /, 'C11: the ledger does not claim what a crash has taken');
$node->safe_psql('postgres', $Olist::Loading::stage);
is($source->state, sprintf('unpublished 1, %d rows, ledger 20000, %d, %d', $rows, $rows - 1, $rows),
	'... and has no second line once it is loaded again');
$node->restart;
like($source->state, qr/^unpublished 1, $rows rows/, 'a clean restart loses nothing');

# L15: no room
$source->write_orders(++$rows);
open my $touch, '>', $flag or die $!;
close $touch;
like(psql_error($Olist::Loading::stage), qr/ERROR:  53100: .*No space left on device/,
	'L15: the disk is full');
is($node->safe_psql('postgres', 'SELECT 1'), 1, '... and the server is alive');
unlink $flag or die $!;
like($source->state, qr/^changed 1, /, '... and nothing is loaded');
$node->safe_psql('postgres', $Olist::Loading::stage);
like($source->state, qr/^unpublished 1, $rows rows/, '... until there is room');

# L16: rows that wait for the executor are bounded by temp_file_limit
$node->safe_psql('postgres', 'CREATE TABLE keyed (order_id text PRIMARY KEY, _object_id bigint)');
like(
	psql_error("SET work_mem = '64kB'; SET temp_file_limit = '100kB';
		SELECT * FROM olist_etl.load('keyed', '$source->{directory}/olist_orders_dataset.csv')"),
	qr/ERROR:  53400: /, 'L16: temp_file_limit');
is( $node->safe_psql('postgres', "SET work_mem = '64kB';
		SELECT status, rows_loaded, (SELECT count(*) FROM keyed)
		FROM olist_etl.load('keyed', '$source->{directory}/olist_orders_dataset.csv')"),
	"loaded|$rows|0", '... without it the object is loaded');
is($node->safe_psql('postgres', 'SELECT count(*) FROM keyed'), $rows, '... whole');

# nobody has said anything about a bug
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|XX000|WARNING:.* leak/, 'the log is clean');
$node->stop;
done_testing();
