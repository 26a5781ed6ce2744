# Thousands of loads and scans that fail, or end early, in one session: file
# descriptors and memory stay flat (SECURITY row L26).
use strict;
use warnings;

use Olist;
use Olist::Loading;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');
my $source = Olist::Loading->new($node);
my $dir = $source->{directory};
$source->write_file('good.csv', "id,name\n" . join '', map { "$_,name $_\n" } 1 .. 5000);
$source->write_file('bad.csv', "id,name\n" . join('', map { "$_,name $_\n" } 1 .. 500) . "x,y\n");
$source->write_file('header.csv', "name\n1\n");
$source->write_file('empty.csv', '');
system("gzip -c '$dir/good.csv' | head -c 5000 > '$dir/cut.csv.gz'") == 0 or die;

$node->safe_psql('postgres', qq{
	CREATE TABLE things (id integer, name text, _object_id bigint);
	CREATE TABLE keyed (id integer PRIMARY KEY, name text, _object_id bigint);
	INSERT INTO keyed VALUES (7);
	CREATE FOREIGN TABLE good (id integer, name text) SERVER olist_local OPTIONS (uri '$dir/good.csv');
	CREATE FUNCTION fail(statement text) RETURNS void LANGUAGE plpgsql AS \$\$
	BEGIN
		EXECUTE statement;
		RAISE EXCEPTION 'this should have failed: %', statement;
	EXCEPTION WHEN data_exception OR integrity_constraint_violation OR io_error OR undefined_column
			OR undefined_file OR bad_copy_file_format THEN
	END \$\$;
	CREATE FUNCTION storm() RETURNS void LANGUAGE plpgsql AS \$\$
	DECLARE
		file text;
	BEGIN
		FOREACH file IN ARRAY ARRAY['bad.csv', 'header.csv', 'empty.csv', 'cut.csv.gz', 'none.csv'] LOOP
			PERFORM fail(format('SELECT * FROM olist_etl.load(''things'', %L)', '$dir/' || file));
			PERFORM fail(format('SELECT count(*) FROM olist_etl.read_csv(%L) AS t(id int, name text)', '$dir/' || file));
		END LOOP;
		PERFORM fail('SELECT * FROM olist_etl.load(''keyed'', ''$dir/good.csv'')');
		PERFORM * FROM good LIMIT 1;
		PERFORM * FROM olist_etl.load('things', '$dir/good.csv', reload => true);
	END \$\$;
});
my $session = $source->session;
my $pid = $session->query_safe('SELECT pg_backend_pid()');

# anonymous memory in kB, and open files
sub footprint
{
	my ($anonymous) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
	opendir my $fds, "/proc/$pid/fd" or die $!;
	return ($anonymous, scalar grep { /^\d/ } readdir $fds);
}

$session->query_safe('SELECT storm() FROM generate_series(1, 20)');
my ($memory, $files) = footprint();
$session->query_safe('SELECT storm() FROM generate_series(1, 20)') for 1 .. 10;
my ($memory_after, $files_after) = footprint();
cmp_ok($memory_after - $memory, '<', 1024, 'memory stays flat over 2,200 failures');
cmp_ok($files_after, '<=', $files + 2, '... and so do file descriptors');
unlike($session->{stderr}, qr/ERROR/, '... and all failed as they should');
$session->quit;
unlike(slurp_file($node->logfile), qr/WARNING:.* leak|PANIC|TRAP/, 'the log is clean');
$node->stop;
done_testing();
