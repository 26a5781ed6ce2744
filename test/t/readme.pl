# The README's reference is complete and true: each function, procedure, table,
# view, option and setting of the extension is in it, and nothing else is; and
# the roles of "Who may do what" can do, with those grants, what it says.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $readme = slurp_file("$repository/README.md");
my $node = olist_cluster('main');

# The text from a heading to the next of its level or a higher one.
sub section
{
	my ($heading) = @_;
	my ($level) = $heading =~ /^(#+)/;
	my ($text) = $readme =~ /^\Q$heading\E\n(.*?)(?=^#{1,${\ length $level}} |\z)/ms;
	return $text // die "no section $heading";
}

# The first cells of the section's tables, without the header.
sub first_cells
{
	my ($heading) = @_;
	my @rows = section($heading) =~ /^\| *(.+?) *\|.*\n/mg;
	return grep { !/^-|^(call|function|relation|on|setting|table|mart)$/ } @rows;
}

sub query
{
	my ($sql) = @_;
	return [ split /\n/, $node->safe_psql('postgres', $sql) ];
}

sub sorted_unique
{
	my %seen;
	return [ sort grep { !$seen{$_}++ } @_ ];
}

my @calls = map { /(\w+)\(/g } map { first_cells("### $_") }
  ('Running', 'Source and staging', 'Tasks', 'Workflow definitions', 'Helpers');
is_deeply(
	sorted_unique(@calls),
	query(
		q(SELECT DISTINCT proname COLLATE "C" FROM pg_proc
		JOIN pg_depend ON objid = pg_proc.oid AND classid = 'pg_proc'::regclass AND deptype = 'e'
		JOIN pg_extension e ON refobjid = e.oid AND extname = 'olist_etl' ORDER BY 1)),
	'functions and procedures');

is_deeply(
	sorted_unique(map { /`(\w+)`/g } first_cells('### Tables and views')),
	query(
		q(SELECT relname COLLATE "C" FROM pg_class
		JOIN pg_depend ON objid = pg_class.oid AND classid = 'pg_class'::regclass AND deptype = 'e'
		JOIN pg_extension e ON refobjid = e.oid AND extname = 'olist_etl'
		WHERE relkind IN ('r', 'v') ORDER BY 1)),
	'tables and views');

# settings, with their defaults and who may change them
is_deeply(
	[ sort map { s/`//gr =~ s/ *\| */|/gr } section('## Configuration') =~ /^\| (`olist_etl.*?\|.*?\|.*?) \|/mg ],
	query(
		q(LOAD 'olist_etl';
		SELECT concat_ws('|', name, current_setting(name), context) COLLATE "C" FROM pg_settings
		WHERE name LIKE 'olist\_etl.%' AND name <> 'olist_etl.fault' ORDER BY 1)),
	'settings');

# every option that the validator knows, as its hint lists them
my ($options) = section('### Foreign-data wrapper options');
foreach my $on (qw(server), 'user mapping', 'foreign table')
{
	my ($row) = $options =~ /^\| \Q$on\E \| (.*) \|$/m;
	my @options = $row =~ /`(\w+)`/g;
	my %statement = (
		server => 'CREATE SERVER x FOREIGN DATA WRAPPER olist_etl OPTIONS (%s %s)',
		'user mapping' => 'CREATE USER MAPPING FOR CURRENT_USER SERVER olist_local OPTIONS (%s %s)',
		'foreign table' => 'CREATE FOREIGN TABLE x (a text) SERVER olist_local OPTIONS (%s %s)');
	foreach my $option (@options)
	{
		my (undef, undef, $error) =
		  $node->psql('postgres', sprintf($statement{$on}, "\"$option\"", q('')));
		unlike($error, qr/invalid option/, "option $option of a $on");
	}
}

# a query's result as psql shows it
sub psql_table
{
	my ($database, $query) = @_;
	my ($out, $err);
	IPC::Run::run([ 'psql', '-X', '-d', $node->connstr($database), '-c', $query ], '>', \$out, '2>', \$err) or die $err;
	return $out;
}

# who may do what
my $grants = section('## Who may do what');
my @blocks = $grants =~ /```sql\n(.*?)```/gs;
s/DATABASE warehouse/DATABASE postgres/ for @blocks;
$node->safe_psql('postgres', "CREATE ROLE etl; CREATE ROLE analyst; $blocks[0]");
$node->safe_psql('postgres', "SET ROLE etl; CALL olist_etl.run()");
is($node->safe_psql('postgres', 'SET ROLE etl; SELECT status FROM olist_etl.progress'),
	'SUCCEEDED', 'the role that runs the pipeline can');
$node->safe_psql('postgres', $blocks[1]);
foreach my $mart (sorted_unique(map { /`(mart_\w+)`/g } section('## The warehouse'))->@*)
{
	my ($status) = $node->psql('postgres', "SET ROLE analyst; SELECT * FROM olist_dw.$mart");
	is($status, 0, "an analyst reads $mart");
}
is_deeply(
	sorted_unique(map { /`(\w+)`/g } first_cells('## The warehouse')),
	query(
		q(SELECT relname COLLATE "C" FROM pg_class
		WHERE relnamespace = 'olist_dw'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1)),
	'the warehouse has those tables and marts');

# the quick start, as it is written
my @quick = section('## Quick start') =~ /```sql\n(.*?)```/gs;
$node->safe_psql('postgres', 'CREATE DATABASE quick');
my ($status, $output, $error) = $node->psql('quick', $quick[0]);
is($status, 0, 'the quick start works') or diag $error;
like($output, qr/^2017-11-01\|/m, '... and shows sales');

# the examples of lineage and of drift give what the README shows, places and times aside
my ($trace) = section('## Where does a row come from?') =~ /```\n(.*?)```/s;
foreach my $example (split /\n\n/, $trace)
{
	my ($query, @shown) = split /\n/, $example;
	my @given = split /\n/, psql_table('quick', $query =~ s/^=> //r);
	s/\d{4}-\d\d-\d\d [\d:.+]+/(time)/, s/--+/--/g, s/ +/ /g, s/ $// foreach @shown, @given;
	is_deeply([ @given[ 0 .. $#shown ] ], \@shown, $query);
}
my ($drift) = section('### When a source changes') =~ /```\n(.*?)```/s;
my ($call, $query) = split /\n\n/, $drift;
my ($notice) = $call =~ /(NOTICE:.*)/;
my $directory = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('quick', "SELECT olist_etl.generate_sample('$directory'); SELECT olist_etl.set_source('$directory')");
my ($header, @sellers) = split /\n/, slurp_file("$directory/olist_sellers_dataset.csv");
append_to_file("$directory/new", join "\n", 'seller_id,seller_zip_code_prefix,seller_state,seller_phone',
	(map { my @field = split /,/; "$field[0],$field[1],$field[-1],1" } @sellers), '');
rename "$directory/new", "$directory/olist_sellers_dataset.csv" or die $!;
(undef, undef, $error) = $node->psql('quick', 'CALL olist_etl.run()');
$error =~ s/\Qfile:\/\/$directory\E/s3:\/\/my-bucket\/olist/g;
like($error, qr/\b\Q$notice\E$/m, 'drift is told of as the README shows it');
my ($select, undef, undef, @shown) = split /\n/, $query;
is($node->safe_psql('quick', $select =~ s/^=> //r) =~ s/file:.*\//s3:\/\/my-bucket\/olist\//gr,
	join("\n", map { s/^ *| *$//gr =~ s/ *\| */|/gr } @shown), '... and listed');

# the workflow that is not about Olist, as it is written
my @workflow = section('## Workflows') =~ /```sql\n(.*?)```/gs;
$node->safe_psql('postgres', q(CREATE MATERIALIZED VIEW sales AS SELECT 1 AS n WITH NO DATA; CREATE MATERIALIZED VIEW stock AS SELECT 2 AS n WITH NO DATA));
$node->safe_psql('postgres', $workflow[1]);
is($node->safe_psql('postgres', 'SELECT n FROM sales UNION ALL SELECT n FROM stock'), "1\n2", 'the workflow of the README does its work');

$node->stop;
done_testing();
