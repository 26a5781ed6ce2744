# L32: file descriptors run out. An error says so, with a hint; the session
# goes on, and nothing stays open.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# a third of what is left of these may be used for what is not the server's own
my $node = olist_cluster('main', 'max_files_per_process = 64');
my $dir = PostgreSQL::Test::Utils::tempdir;
open my $out, '>', "$dir/long.csv" or die $!;
print $out "a\n", map { "$_\n" } 1 .. 50000;
close $out;

$node->safe_psql('postgres', qq{
	CREATE FOREIGN TABLE long (a int) SERVER olist_local OPTIONS (uri '$dir/long.csv');
	CREATE FUNCTION open_files() RETURNS bigint LANGUAGE sql AS \$\$
		SELECT count(*) FROM pg_ls_dir('/proc/self/fd') fd
	\$\$;
	-- how many cursors can be open at a time, and how the next one ends
	CREATE FUNCTION open_until_error(OUT n int, OUT state text, OUT message text, OUT hint text)
	LANGUAGE plpgsql AS \$\$
	DECLARE
		c refcursor;
	BEGIN
		n := 0;
		LOOP
			c := 'c' || n;
			OPEN c FOR SELECT * FROM long;
			MOVE c;
			n := n + 1;
		END LOOP;
	EXCEPTION WHEN insufficient_resources THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	END \$\$;
});
my ($stdout, $stderr);
$node->psql('postgres', q{
	SELECT * FROM open_until_error();
	SELECT count(*) FROM long;
	SELECT open_files() AS before \gset
	SELECT * FROM open_until_error();
	SELECT open_files() <= :before;
}, stdout => \$stdout, stderr => \$stderr);
is($stderr, '', 'the session goes on');
my ($first, $count, $second, $flat) = split /\n/, $stdout;
like($first, qr/^([3-9]|[1-9]\d)\|53000\|too many open files.*\|Raise max_files_per_process/,
	'more objects than descriptors are an error with a hint');
is($count, 50000, 'then objects can be read again');
is($second, $first, '... as many as before');
is($flat, 't', 'no descriptor stays open');

done_testing();
