# The nine real files, staged: every row, no reject, and every value exactly as
# COPY reads it.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = shared_data_or_skip() . '/olist';
my $node = olist_cluster('main');

# rows of each file, as published
my %rows = (
	category_translation => 71,
	customers => 99441,
	geolocation => 1000163,
	order_items => 112650,
	order_payments => 103886,
	order_reviews => 99224,
	orders => 99441,
	products => 32951,
	sellers => 3095);

$node->safe_psql('postgres', "SELECT olist_etl.set_source('$data')");
is($node->safe_psql('postgres', q{SELECT d ->> 'new', jsonb_array_length(d -> 'objects') FROM olist_etl.discover() d}),
	'9|9', 'the nine files are discovered, and the list of gaps beside them is not');

# two sessions stage them side by side, as a run would
my @sessions = map { $node->background_psql('postgres') } 0 .. 1;
my @pids = map { $_->query_safe('SELECT pg_backend_pid()') } @sessions;
my %status;
my $objects = $node->safe_psql('postgres', q{SELECT olist_etl.discover() -> 'objects'});
for my $i (0 .. 1)
{
	my $choice = $i ? '> 1' : '= 1';
	$sessions[$i]->query_until(qr/begun/,
		"\\echo begun\nSELECT count(olist_etl.stage(o)) FROM jsonb_array_elements('$objects') WITH ORDINALITY AS x(o, n)
		 WHERE n $choice;\n\\echo ended\n");
}
$_->query_until(qr/ended/, '') for @sessions;
$status{$_} = slurp_file("/proc/$_/status") for @pids;
$_->quit for @sessions;

is( $node->safe_psql('postgres', q{SELECT string_agg(format('%s %s %s %s', entity, rows_read, rows_loaded, rows_rejected), ', '
		ORDER BY entity) FROM olist_etl.ledger}),
	join(', ', map { "$_ $rows{$_} $rows{$_} 0" } sort keys %rows),
	'every row is loaded, none rejected');
is($node->safe_psql('postgres', 'SELECT count(*) FROM olist_etl.reject'), '0', 'no rejects');

# the memory of one process, above what all share, has a bound
for my $pid (@pids)
{
	my ($peak) = $status{$pid} =~ /^VmHWM:\s+(\d+) kB/m;
	cmp_ok($peak, '<', (128 + 300) * 1024, 'peak memory stays below 300 MB above shared_buffers');
}

# COPY reads the same values
for my $entity (sort keys %rows)
{
	my $name = $entity eq 'category_translation' ? 'product_category_name_translation' : "olist_${entity}_dataset";
	$node->safe_psql('postgres', qq{
		CREATE UNLOGGED TABLE $entity (LIKE olist_staging.$entity);
		ALTER TABLE $entity DROP _object_id, DROP _line;
		COPY $entity FROM PROGRAM 'gzip -dc $data/$name.csv.gz' CSV HEADER;});
	my $columns = $node->safe_psql('postgres',
		"SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = '$entity'::regclass AND attnum > 0 AND NOT attisdropped");
	my ($ours, $theirs) = map {
		$node->safe_psql('postgres',
			"SELECT count(*), sum(hashtextextended(ROW($columns)::text, 0)) FROM $_")
	} ("olist_staging.$entity", $entity);
	is($ours, $theirs, "$entity is what COPY reads");
}

# and once more: nothing to do
is( $node->safe_psql('postgres', q{SELECT o ->> 'status', olist_etl.stage(o) ->> 'status', count(*)
		FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o GROUP BY 1, 2}),
	'unpublished|skipped|9', 'what is staged is not staged again');
$node->stop;
done_testing();
