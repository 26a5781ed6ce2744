# What a run costs does not follow the length of the ledger and the rejects: it
# looks up what it lists and what is new, by their indexes. (SECURITY row C9.)
use strict;
use warnings;

use File::Copy qw(copy);
use Olist;
use Olist::Pipeline;
use Test::More;

my $node = olist_cluster('main', 'autovacuum = off');
my $pipeline = Olist::Pipeline->new($node, scale => 0.01);
my $directory = $pipeline->directory;
is($pipeline->run->{status}, 'SUCCEEDED', 'a warehouse is there');

# objects of another source, and what was wrong with them
my $lines = 100000;
$node->safe_psql('postgres', qq{
	INSERT INTO olist_etl.ledger (target, entity, source, uri, etag, size, last_modified, rows_read, rows_rejected, published_at, is_current)
	SELECT 'olist_staging.' || e, e, 'elsewhere', format('file:///elsewhere/%s_%s.csv', e, n), md5(n::text), n, '2018-01-01', 1, 1, now(), true
	FROM generate_series(1, $lines / 2) AS n, unnest('{orders,sellers}'::text[]) AS e;
	INSERT INTO olist_etl.reject (object_id, reason, line, sqlstate, message, raw)
	SELECT object_id, 'invalid', 2, '22023', 'wrong', 'wrong' FROM olist_etl.ledger WHERE source = 'elsewhere';
	ANALYZE olist_etl.ledger, olist_etl.reject});

# A run; how many rows it has read in scans of the whole ledger, and of all rejects.
sub scanned
{
	my $read = q{SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relid IN ('olist_etl.ledger'::regclass, 'olist_etl.reject'::regclass)};
	my $before = $node->safe_psql('postgres', $read);
	my $out = $node->safe_psql('postgres', "CALL olist_etl.run() \\gset\n\\echo :status :objects");
	return $out . ' ' . ($node->safe_psql('postgres', $read) - $before);
}

is(scanned(), 'SUCCEEDED 0 0', 'a run that finds nothing new scans neither ledger nor rejects');

copy("$directory/olist_orders_dataset.csv", "$directory/olist_orders_dataset_2.csv") or die $!;
is(scanned(), 'SUCCEEDED 1 0', '... nor does one that merges a new object');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM olist_etl.reject WHERE reason = 'duplicate'}), '>', 0,
	'... the rows of which take the place of others');

open(my $file, '>>', "$directory/olist_orders_dataset_2.csv") or die $!;
print $file "ffffffffffffffffffffffffffffffff,eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee,created,2018-01-01 00:00:00,,,,2018-02-01 00:00:00\n";
close $file or die $!;
is(scanned(), 'SUCCEEDED 1 0', '... nor one that merges a changed object');

$node->stop;
done_testing();
