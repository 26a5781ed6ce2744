# The bad input gate: every file of nasty_csv/handmade, loaded with both modes of
# on_error, ends as its EXPECTED.tsv wants, and in the same way whether it is
# read in large pieces or byte by byte. COPY's results on the CSV files of other
# projects are the same, but for a known list of differences.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Cluster;
use Test::More;

my $data = shared_data_or_skip() . '/nasty_csv';
my $dir = "$data/handmade";

# Targets other than three columns of text.
my %columns = (
	s25_repeated_header => 'a int, b int, c int',
	t01_orders_bad_ts => 'order_id text, customer_id text, order_status text,'
	  . ' order_purchase_timestamp timestamp',
	t02_price_forms => 'order_id text, price numeric(10,2)',
	t03_dup_pk => 'order_id text, customer_id text',
	t04_orphan_fk => 'order_id text, product_id text',
	t05_review_newlines => 'review_id text, review_comment_message text',
	t06_zip_leading_zero => 'zip_code_prefix text',
	t07_geo_range => 'lat float8, lng float8',
	t10_int_overflow => 'n int');

# Where the wish is a rule of the business, which stands behind the data path:
# what the data path alone makes of it.
my %without_rules = (
	t01_orders_bad_ts => [ '22008 line 2', '1 loaded 2 rejected' ],    # infinity is a timestamp
	t02_price_forms => [ '22P02 line 2', '3 loaded 3 rejected' ],      # NaN and -5 are numbers
	t03_dup_pk => [ 'ok 3 rows', 'ok' ],                               # the table has no key
	t07_geo_range => [ 'ok 2 rows', 'ok' ],                            # 91 is a number
	s37_long_field_2MB => [ 'ok 1 row', 'ok' ]);                       # the limit comes below

# What the wish says in words, as the error says it.
my %says = (
	s09_unterminated_quote => qr/not closed.* line 2\b/s,
	s20_semicolon => qr/delimiter: ";"/,
	s21_tab => qr/delimiter: a tab/,
	s22_sep_line => qr/Excel.*sep=/,
	e14_latin1 => qr/latin1/,
	e15_utf16le_bom => qr/UTF-16/,
	e16_utf16be_nobom => qr/UTF-16/,
	g02_truncated => qr/ends in the middle/,
	g03_bad_crc => qr/checksum/,
	g04_bad_isize => qr/length/,
	g06_trailing_garbage => qr/other bytes follow/,
	g08_bomb_20MB => qr/max_compression_ratio/,
	g09_nested => qr/compressed twice/,
	g11_gzip_named => qr/looks like gzip \(1f 8b\)/,
	g14_zip => qr/zip archive/,
	g15_bz2 => qr/bzip2/,
	t13_name_63 => qr/a{80}/);

# What a good file must hold, as a condition over its rows.
my %holds = (
	s12_doubled_quotes => q(b = 'a"b'),
	s14_newline_in_quotes => q((b = E'l1\nl2' AND _line = 2) OR (a = '4' AND _line = 4)),
	s15_crlf => q(c = '3'),
	s16_cr_only => q((a, c) IN (('1', '3'), ('4', '6'))),
	s27_reordered_header => q((a, b, c) = ('1', '2', '3')),
	s30_spaces => q(b = '  x  '),
	s31_null_vs_empty => q(a IS NULL AND b = ''),
	s32_only_commas => q(num_nulls(a, b, c) = 3),
	s34_comment_line => q(a = '#1'),
	e01_bom_utf8 => q(a = '1'),
	e02_bom_quoted => q(a = '1'),
	e03_bom_mid_file => q(a IN ('1', U&'\FEFF4')),
	e11_seq_split_64k => q(length(a || b || c) > 60000),
	e18_nfc_nfd => q((a, octet_length(b)) IN (('1', 4), ('2', 5))),
	e20_ansi_escape => q(b LIKE E'\x1B%'),
	t06_zip_leading_zero => q(zip_code_prefix IN ('01037', '1037')),
	t08_text_injection => q{b IN ('''); DROP TABLE orders; --', '$$;$$', '%s%n%x', '{{7*7}}')},
	t09_formula => q(a LIKE '=cmd%' OR a LIKE '@SUM%'),
	t11_bool_null_words => q((a, b, c) = ('NULL', '\N', 'NA')));

my %warns = (
	s17_mixed_newlines => qr/mixed line ends/,
	e03_bom_mid_file => qr/byte order mark on line 3/,
	g07_trailing_zeros => qr/512 zero bytes/);

my $node = olist_cluster('main');
$node->safe_psql(
	'postgres', q{
	CREATE TABLE target (_line bigint, _object_id bigint);
	CREATE FUNCTION load(uri text, on_error text, OUT state text, OUT message text, OUT loaded bigint,
	                     OUT rejected bigint, OUT rest text)
	LANGUAGE plpgsql AS $$
	DECLARE
		detail text; hint text; context text;
	BEGIN
		TRUNCATE target;
		DELETE FROM olist_etl.ledger l WHERE l.target = 'public.target';
		SELECT rows_loaded, rows_rejected INTO loaded, rejected
		FROM olist_etl.load('target', uri, on_error => load.on_error);
		state := 'ok';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
			detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
		rest := concat_ws(' | ', detail, hint, substring(context FROM '^object [^\n]*'));
	END $$;
	-- all that a load leaves, for comparison
	CREATE FUNCTION outcome() RETURNS text LANGUAGE sql AS $$
		SELECT md5(concat(
			(SELECT string_agg((to_jsonb(t) - '_object_id')::text, E'\n' ORDER BY t._line, t::text COLLATE "C") FROM target t),
			(SELECT string_agg(concat_ws('|', r.record, r.line, r.byte_offset, r.column_name, r.sqlstate, r.message, r.raw),
			                   E'\n' ORDER BY r.record)
			 FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE l.target = 'public.target')))
	$$;
});

# Load a file into a new table of COLUMNS in several ways, each an on_error and a
# chunk size. Returns a hash of what came of each, and how many rows of the
# first are not as HOLDS wants.
sub load_file
{
	my ($file, $columns, $holds, @ways) = @_;
	my $script = qq{
		\\pset fieldsep '\\001'
		DROP TABLE target;
		CREATE TABLE target ($columns, _line bigint, _object_id bigint);
	};
	foreach my $way (@ways)
	{
		my ($on_error, $chunk) = @$way;
		$script .= qq{
			SET olist_etl.read_chunk_size = $chunk;
			SELECT coalesce(state, ''), coalesce(loaded, 0), coalesce(rejected, 0),
			       encode(convert_to(coalesce(message, ''), 'UTF8'), 'escape'),
			       encode(convert_to(coalesce(rest, ''), 'UTF8'), 'escape')
			FROM load('$dir/$file', '$on_error');
			SELECT outcome();
			SELECT count(*) FROM target WHERE ($holds) IS NOT TRUE;
		};
	}
	my @lines = split /\n/, $node->safe_psql('postgres', $script, extra_params => ['-q']);
	my @results;
	while (my ($line, $outcome, $wrong) = splice @lines, 0, 3)
	{
		my %result = (wrong => $wrong);
		@result{qw(state loaded rejected message rest)} = split /\001/, $line, -1;
		$result{text} = "$result{message} | $result{rest}";
		# how far a bomb was read is the one thing that a chunk's size may change
		$result{all} = "$result{state} $result{loaded} $result{rejected} $result{message} $outcome";
		push @results, \%result;
	}
	return @results;
}

# Does the result fulfil the wish (EXPECTED.tsv), of which one of several
# alternatives may hold?
sub fulfils
{
	my ($result, $wish) = @_;
	foreach my $case (split /;| or |, or /, $wish)
	{
		return 1
		  if $case =~ /^ok/
		  && $result->{state} eq 'ok'
		  && $result->{rejected} == 0
		  && ($case !~ /(\d+) rows?/ || $result->{loaded} == $1);
		return 1 if $case =~ /^mapped/ && $result->{state} eq 'ok' && $result->{rejected} == 0;
		return 1
		  if $case =~ /(\d+) loaded,? (\d+) rejected/
		  && $result->{state} eq 'ok'
		  && $result->{loaded} == $1
		  && $result->{rejected} == $2;
		return 1
		  if $case =~ /^\s*(?:\w+ target )?([0-9A-Z]{5})(?:\/([0-9A-Z]{5}))?\b/
		  && ($result->{state} eq $1 || $result->{state} eq ($2 // ''))
		  && ($case !~ /line (\d+)/ || $result->{text} =~ /line $1\b/);
	}
	return 0;
}

open my $expected, '<', "$dir/EXPECTED.tsv" or die $!;
<$expected>;
my $files = 0;
while (my $line = <$expected>)
{
	chomp $line;
	my ($file, $bytes, $stop, $reject) = split /\t/, $line, -1;
	(my $name = $file) =~ s/\.csv(\.gz)?$//;
	my $columns = $columns{$name} // 'a text, b text, c text';
	my $log = -s $node->logfile;
	$files++;
	($stop, $reject) = @{ $without_rules{$name} } if $without_rules{$name};
	$reject = $stop if $reject =~ /^same|^ok$|^$/;
	# the wish without the words that %says looks for
	$stop =~ s/(?:[:;]? ?hint|\bheader|\bdocumented|\(limit|unterminated).*//;
	$reject =~ s/(?:[:;]? ?hint|\bheader|\bdocumented|\(limit|unterminated).*//;

	my ($stopped, $rejected, @others) = load_file($file, $columns, $holds{$name} // 'true',
		[ 'stop', 65536 ], [ 'reject', 65536 ], [ 'reject', 1 ], [ 'reject', 4096 ]);
	ok(fulfils($stopped, $stop), "$file: $stop")
	  or diag "state $stopped->{state}, $stopped->{loaded} loaded: $stopped->{text}";
	like($stopped->{text}, $says{$name}, "$file says why") if $says{$name};
	unlike($stopped->{text}, qr/[\x00-\x1F\x7F]/, "$file: one line, escaped");
	is($stopped->{wrong}, 0, "$file has the right values") if $holds{$name};
	ok($node->log_contains($warns{$name}, $log), "$file is warned of") if $warns{$name};
	ok(fulfils($rejected, $reject), "$file, rejecting: $reject")
	  or diag "state $rejected->{state}, $rejected->{loaded} loaded, $rejected->{rejected} rejected:"
	  . " $rejected->{text}";
	is($_->{all}, $rejected->{all}, "$file in chunks of another size") foreach @others;
}
is($files, 88, 'all files were tried');

# under a limit of 1 MB the long field is a reject
$node->safe_psql('postgres', q(ALTER DATABASE postgres SET olist_etl.max_field_bytes = '1MB'));
my ($stopped, $rejected) = load_file('s37_long_field_2MB.csv', 'a text, b text, c text', 'true',
	[ 'stop', 65536 ], [ 'reject', 65536 ]);
is($stopped->{state}, '54000', 'a field over the limit is an error');
is("$rejected->{loaded} $rejected->{rejected}", '0 1', '... or a reject');
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET olist_etl.max_field_bytes');

done_testing();
