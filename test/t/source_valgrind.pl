# Memory, as valgrind sees it: a backend that opens, reads and fails at objects
# of every kind touches no byte that is not its own, and loses none. What
# valgrind says of the server itself is passed over: only what has this
# extension in its stack counts.
use strict;
use warnings;

use IO::Compress::Gzip qw(gzip);
use IPC::Run ();
use Olist;
use Olist::Source;
use Test::More;

my $s3 = s3_or_skip();
plan skip_all => 'valgrind is not installed' unless qx(valgrind --version 2>/dev/null);
my $directory = PostgreSQL::Test::Utils::tempdir();
my $node = olist_cluster('main', 'jit = off', 'shared_buffers = 16MB');
prepare_source($node);
my $bucket = new_bucket($s3);
my $proxy = fault_proxy();

my $csv = "a,b\n" . join '', map { "$_,x\n" } 1 .. 20000;
gzip(\$csv => \my $gzip) or die;
my %object = (
	'plain.csv' => $csv,
	'members.csv.gz' => $gzip . $gzip,
	'cut.csv.gz' => substr($gzip, 0, 3000),
	'bad.csv.gz' => substr($gzip, 0, 3000) . 'x' x 3000,
	'empty.csv' => '',
	'slow.csv' => $csv);
foreach my $name (keys %object)
{
	$s3->put($bucket, $name, \$object{$name});
	open my $file, '>:raw', "$directory/$name" or die "$name: $!";
	print $file $object{$name};
	close $file;
}
my %small = (part_size => '64kB', page_size => 2, retries => 1);
create_server($node, 's', $s3->endpoint, $s3, %small);
create_server($node, 'tls', $ENV{S3_TLS_ENDPOINT}, $s3, %small, ca_file => $ENV{S3_CA_FILE});
create_server($node, 'role', $s3->endpoint, $s3, role_arn => 'arn:aws:iam:::role/olist',
	sts_endpoint => $s3->endpoint, checksum => 'on');
create_server($node, 'proxy', $proxy->endpoint, $s3, %small, timeout => '2s');
create_server($node, 'no_ca', $ENV{S3_TLS_ENDPOINT}, $s3, retries => 0);
create_server($node, 'no_keys', $s3->endpoint, undef);
create_server($node, 'nobody', 'http://127.0.0.1:1', $s3, retries => 1);
$node->safe_psql('postgres', "CREATE FOREIGN TABLE f (a int, b text) SERVER s OPTIONS (uri 's3://$bucket/plain.*')");
$proxy->fault(do => 'reset', after => 100_000, match => { path => 'plain' });
$proxy->fault(do => 'slowdown', retryAfter => 0, match => { path => 'members' });
$proxy->fault(do => 'internal', times => -1, match => { path => 'cut' });
$proxy->fault(do => 'stall', after => 1000, times => -1, match => { path => 'slow' });

my @sql;
foreach my $server (qw(s tls role proxy no_ca no_keys nobody))
{
	push @sql, (map { "SELECT read_object('s3://$bucket/$_', '$server')" } grep { $_ ne 'slow.csv' || $server eq 'proxy' }
		  sort(keys %object), 'none.csv'),
	  "SELECT count(*) FROM olist_etl.list_objects('s3://$bucket/**.gz', '$server')",
	  "SELECT count(*) FROM olist_etl.check_source('s3://$bucket/', '$server')";
}
push @sql, (map { "SELECT count(*) FROM olist_etl.read_csv('$directory/$_') AS t(a text, b text)" } sort(keys %object), '{plain,bad}*'),
  'SELECT count(*), sum(a) FROM f', 'SELECT * FROM f LIMIT 3', 'ANALYZE f',
  "SELECT read_object('@{[ $s3->endpoint ]}/$bucket/none', 's')",
  "SELECT read_object('s3://$bucket/plain.csv?versionId=none', 's')",
  "SELECT olist_etl.list_objects('s3://$bucket/{a', 's')",
  "SELECT read_object('sample://olist/olist_sellers_dataset.csv')";
@sql = map { "SELECT try(\$try\$$_\$try\$)" } @sql;
push @sql, "SELECT read_object('s3://$bucket/none', 's')", "SELECT read_object('s3://$bucket/plain.csv', 's')",
  "SET statement_timeout = '500ms'", "SELECT read_object('s3://$bucket/slow.csv', 'proxy')";

# one session without a server around it, a statement a line
$node->stop;
my $log = "$directory/valgrind";
my $bindir = $node->config_data('--bindir');
my ($out, $said) = ('', '');
IPC::Run::run(
	[
		'valgrind', '--leak-check=full', '--show-leak-kinds=definite,indirect', '--num-callers=40',
		"--log-file=$log", "$bindir/postgres", '--single', '-D', $node->data_dir, 'postgres'
	],
	'<', \join('', map { "$_\n" } @sql), '>', \$out, '2>', \$said);
my $report = PostgreSQL::Test::Utils::slurp_file($log);
like($report, qr/ERROR SUMMARY/, 'valgrind came to its end');
# not just any path: the server may stand in a directory of our name
my @ours = grep { /: olist_\w+ |\bolist_etl\.so\b/ } split /^==\d+== \n/m, $report;
is(scalar @ours, 0, 'no error and no leak has this extension in its stack') or diag @ours[0 .. ($#ours > 4 ? 4 : $#ours)];

# and what was meant to be read or to fail has
my $good = () = $out =~ /try = "ok/g;
my $bad = () = $out =~ /try = "[0-9A-Z]{5} /g;
note "$good statements gave something, $bad an error";
is($good + $bad, scalar(grep { /SELECT try/ } @sql), 'every statement was executed');
cmp_ok($good, '>', 20, '... many gave a result');
cmp_ok($bad, '>', 30, '... and many an error');
foreach my $state (qw(58P01 58030 08001 08006 2F003 22023))
{
	like($out, qr/try = "$state /, "... $state among them");
}
like($said, qr/none": the object does not exist/, 'an error that ends a statement');
like($said, qr/statement timeout/, '... and a timeout in a stall');
done_testing();
