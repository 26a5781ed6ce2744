# A batch writes its own rows and what they change, and nothing else: untouched
# rows stay where they are, and the WAL of a batch does not grow with the
# warehouse. New rows are in every index.
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use Test::More;

# without whole pages in it, the WAL tells what was written
my @conf = ('full_page_writes = off', 'autovacuum = off', 'checkpoint_timeout = 1h', 'max_wal_size = 8GB');
my @entities = qw(orders customers order_items order_payments order_reviews);
my $orders = 200;

# Take so many orders out of the pipeline's source, with all that belongs to
# them: files as a later drop would bring them, into a directory of their own.
sub split_off
{
	my ($node, $directory, $later) = @_;
	my $sql = "CREATE SCHEMA split;\n";
	for my $entity (@entities)
	{
		open(my $file, '<', "$directory/olist_${entity}_dataset.csv") or die $!;
		(my $columns = <$file>) =~ tr/"\r\n//d;
		$columns =~ s/,|$/ text,/g;
		$columns =~ s/,$//;
		$sql .= "CREATE TABLE split.$entity ($columns);\n"
		  . "COPY split.$entity FROM '$directory/olist_${entity}_dataset.csv' CSV HEADER;\n";
	}
	$sql .= "CREATE TABLE split.batch AS SELECT order_id, customer_id FROM split.orders ORDER BY order_id LIMIT $orders;\n";
	for my $entity (@entities)
	{
		my $key = $entity eq 'customers' ? 'customer_id' : 'order_id';
		my $of_batch = "$key IN (SELECT $key FROM split.batch)";
		$sql .= "COPY (SELECT * FROM split.$entity WHERE NOT $of_batch) TO '$directory/olist_${entity}_dataset.csv' CSV HEADER;\n"
		  . "COPY (SELECT * FROM split.$entity WHERE $of_batch) TO '$later/olist_${entity}_dataset_2.csv' CSV HEADER;\n";
	}
	$node->safe_psql('postgres', "$sql DROP SCHEMA split CASCADE");
	return;
}

# A run; what it says that it has written, and its WAL in bytes.
sub run_measured
{
	my ($node, $pipeline, $what) = @_;
	my $before = $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
	my $run = $pipeline->run;
	my $wal = $node->safe_psql('postgres', "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$before')");
	is($run->{status}, 'SUCCEEDED', $what) or diag $run->{messages};
	my $written = $node->safe_psql('postgres', q{
		SELECT coalesce((output ->> 'inserted')::int + (output ->> 'updated')::int + (output ->> 'deleted')::int, 0)
		FROM olist_etl.run ORDER BY run_id DESC LIMIT 1});
	return ($wal, $written);
}

# Keep in public.before where every row of the warehouse stands, and since when.
sub note_rows
{
	my ($node) = @_;
	$node->safe_psql('postgres', q{
		DROP TABLE IF EXISTS public.before;
		CREATE TABLE public.before (name text, place tid, since text, content text);
		SELECT format('INSERT INTO public.before SELECT %L, ctid, xmin::text, md5(t::text) FROM olist_dw.%I t', relname, relname)
		FROM pg_class WHERE relnamespace = 'olist_dw'::regnamespace AND relkind = 'r' \gexec});
	return;
}

# "rows that are as before but were written, rows that changed or are gone"
sub compare_rows
{
	my ($node) = @_;
	return $node->safe_psql('postgres', q{
		CREATE TEMP TABLE after (LIKE public.before);
		SELECT format('INSERT INTO after SELECT %L, ctid, xmin::text, md5(t::text) FROM olist_dw.%I t', relname, relname)
		FROM pg_class WHERE relnamespace = 'olist_dw'::regnamespace AND relkind = 'r' \gexec
		SELECT count(*) FILTER (WHERE a.place <> b.place OR a.since <> b.since) || ', ' || count(*) FILTER (WHERE a.name IS NULL)
		FROM public.before b LEFT JOIN after a ON a.name = b.name AND a.content = b.content});
}

my %wal;
my ($node, $pipeline);
for my $scale (0.02, 0.2)
{
	$node->stop if $node;
	$node = olist_cluster("scale_$scale" =~ tr/./_/r, @conf);
	$pipeline = Olist::Pipeline->new($node, scale => $scale);
	my $later = PostgreSQL::Test::Utils::tempdir();
	split_off($node, $pipeline->directory, $later);
	my ($first) = run_measured($node, $pipeline, "scale $scale: the first load");
	note_rows($node);
	rename $_, $pipeline->directory . '/' . s/.*\///r or die $! for glob("$later/*.csv");

	my ($wal, $written) = run_measured($node, $pipeline, '... and a batch');
	$wal{$scale} = $wal;
	cmp_ok($written, '>', 5 * $orders, '... writes its rows');
	my ($moved, $changed) = split /, /, compare_rows($node);
	is($moved, 0, '... and leaves what it does not change where it is');
	cmp_ok($changed, '<', $orders, '... which is all but a few rows');
	note "WAL: first load $first, batch $wal";
}
cmp_ok($wal{0.2}, '<', 1.5 * $wal{0.02}, 'a warehouse ten times as large: the WAL of a batch does not grow');

my ($wal, $written) = run_measured($node, $pipeline, 'a run without anything new');
is($written, 0, '... writes no row');
cmp_ok($wal, '<', 100_000, '... and next to no WAL');

# one order in a hundred gets another status, in the file with all of them
my $file = $pipeline->directory . '/olist_orders_dataset.csv';
my ($n, $changed, $text) = (0, 0, '');
open(my $in, '<', $file) or die $!;
while (<$in>)
{
	$changed += s/,(delivered|shipped),/,canceled,/ if ++$n % 100 == 0;
	$text .= $_;
}
close $in;
open(my $out, '>', $file) or die $!;
print $out $text;
close $out;
note_rows($node);
($wal, $written) = run_measured($node, $pipeline, 'a file of which one row in a hundred has changed');
is($written, $changed, '... as many rows are written');
is(compare_rows($node), "0, $changed", '... and all others stay where they are');

SKIP:
{
	skip 'amcheck is not installed', 1
	  if $node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'}) eq '0';
	$node->safe_psql('postgres', 'CREATE EXTENSION amcheck');
	is($node->safe_psql('postgres', q{
		SELECT count(bt_index_check(i.indexrelid, true)) > 40
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
		WHERE c.relnamespace = 'olist_dw'::regnamespace AND a.amname = 'btree'}), 't', 'every row is in every index');
}

$node->stop;
done_testing();
