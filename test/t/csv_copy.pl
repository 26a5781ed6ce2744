# read_csv() against COPY, on the CSV files of other projects: the same rows, but
# for a list of differences, each with its reason.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Cluster;
use Test::More;

my $data = shared_data_or_skip() . '/nasty_csv';

# file => [ COPY, read_csv() ]: the number of rows, or the error
my %differences = (
	# COPY drops a quote inside an unquoted field; we refuse the record
	'csv-spectrum/location_coordinates.csv' => [ 2, '22P04' ],
	# COPY refuses mixed line ends; we warn
	'csvlint/inconsistent-line-endings.csv' => [ '22P04', 3 ],
	'csvlint/inconsistent-line-endings-unquoted.csv' => [ '22P04', 3 ],
	# COPY sees bytes of no encoding; we say that it is bzip2
	'openrefine/persons.csv.bz2' => [ '22021', '22P04' ]);

# file => rows of COPY that we do not have
my %other_rows = (
	# COPY takes the byte order mark for a part of the first value
	'openrefine/csv-with-bom.csv' => 1);

# Encodings other than UTF-8.
my %encoding = (
	'openrefine/big5.txt' => 'big5',
	'openrefine/euc-jp.txt' => 'euc_jp',
	'openrefine/euc-kr.txt' => 'euc_kr',
	'openrefine/shift_jis.txt' => 'sjis',
	'openrefine/example-latin1.tsv' => 'latin1',
	'csvlint/invalid-byte-sequence.csv' => 'latin1');

my $node = olist_cluster('main');
$node->safe_psql('postgres', q{
	CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		n bigint;
	BEGIN
		EXECUTE statement;
		GET DIAGNOSTICS n = ROW_COUNT;
		RETURN n;
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END $$;
});

# The number of fields of the first line.
sub count_fields
{
	my ($path, $delimiter) = @_;
	open my $in, '<:raw', $path or die "$path: $!";
	local $/;
	my ($line) = <$in> =~ /\A(?:\xEF\xBB\xBF)?((?:"(?:[^"]|"")*"|[^"\r\n])*)/;
	$line =~ s/"(?:[^"]|"")*"//g;
	return 1 + ($line =~ s/\Q$delimiter\E//g);
}

foreach my $path (sort glob("$data/csv-spectrum/csvs/* $data/openrefine/*"), sort glob("$data/csvlint/*.csv"))
{
	next if $path =~ /\.gz$/;    # COPY cannot read it at all
	my ($file) = $path =~ m{nasty_csv/(.*)};
	$file =~ s/csvs\///;
	my $tab = $path =~ /\.tsv$/;
	my $encoding = $encoding{$file} // 'utf8';
	my $columns = join ', ', map { "c$_ text" } 1 .. count_fields($path, $tab ? "\t" : ',');
	my $format = $tab ? q(, DELIMITER E'\t') : '';
	my $delimiter = $tab ? "'tab'" : 'NULL';
	my $result = $node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS by_copy, by_us;
		CREATE TABLE by_copy ($columns);
		CREATE TABLE by_us ($columns);
		SELECT try(\$\$COPY by_copy FROM '$path' (FORMAT csv, ENCODING '$encoding' $format)\$\$),
		       try(\$\$INSERT INTO by_us SELECT * FROM olist_etl.read_csv('$path', header => false,
		              encoding => '$encoding', delimiter => $delimiter) AS t($columns)\$\$);
		SELECT count(*) FROM (TABLE by_copy EXCEPT ALL TABLE by_us) c;
	}, extra_params => ['-q']);
	my ($outcome, $missing) = split /\n/, $result;
	my ($copy, $us) = split /\|/, $outcome;
	my ($copy_wish, $us_wish) = @{ $differences{$file} // [ $copy, $copy ] };
	is("$copy, $us", "$copy_wish, $us_wish", "$file: COPY and read_csv() give this");
	is($missing, $other_rows{$file} // 0, "$file: the rows are the same") if $copy eq $us;
}

done_testing();
