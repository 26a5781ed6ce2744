# The real Olist files, packed and plain, give exactly the rows that COPY gives:
# the same text of every column, which for these types means the same bits.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = shared_data_or_skip() . '/olist';

# Column types other than text, by the ends of the names.
my @types = (
	[ qr/_(lat|lng)$/, 'float8' ],
	[ qr/^(price|freight_value|payment_value)$/, 'numeric(12,2)' ],
	[ qr/(_timestamp|_date|_at)$/, 'timestamp' ],
	[ qr/(_score|_sequential|_installments|_item_id|_lenght|_qty|_g|_cm)$/, 'integer' ]);

my $node = olist_cluster('main');
my $dir = PostgreSQL::Test::Utils::tempdir;

foreach my $path (sort glob("$data/*.csv.gz"))
{
	my ($name) = $path =~ m{([^/]+)\.gz$};
	system("gzip -dc '$path' > '$dir/$name'") == 0 or die "gzip: $?";
	open my $in, '<', "$dir/$name" or die $!;
	(my $header = <$in>) =~ s/^\xEF\xBB\xBF|[\r\n"]//g;
	close $in;
	my $columns = join ', ', map {
		my $column = $_;
		my ($type) = map { $column =~ $_->[0] ? $_->[1] : () } @types;
		"$column " . ($type // 'text');
	} split /,/, $header;

	my $rows = $node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS by_copy;
		CREATE UNLOGGED TABLE by_copy ($columns);
		COPY by_copy FROM '$dir/$name' (FORMAT csv, HEADER);
		SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM by_copy t;
		SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM olist_etl.read_csv('$dir/$name') AS t($columns);
		SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM olist_etl.read_csv('$path') AS t($columns);
	}, extra_params => ['-q']);
	my ($copy, $plain, $packed) = split /\n/, $rows;
	is($plain, $copy, "$name");
	is($packed, $copy, "$name.gz");
	unlink "$dir/$name";
}

done_testing();
