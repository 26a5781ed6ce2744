# generate_sample() as a writer of files: in constant memory, all of a file or
# none, and nothing that it was not asked to replace.
use strict;
use warnings;

use IPC::Run qw(start finish);
use Olist;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');
my $dir = PostgreSQL::Test::Utils::tempdir;

# Calls generate_sample(ARGUMENTS) as ROLE; returns (exit status, stdout, stderr).
sub generate
{
	my ($arguments, $role) = @_;
	return $node->psql('postgres', sprintf(<<'', $role // 'NONE', $arguments));
\set VERBOSITY verbose
SET ROLE %s;
SELECT sum(rows) FROM olist_etl.generate_sample(%s)

}

# memory does not grow with the scale
my $peak = q(SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s+(\d+) kB'));
my ($small, $large) = split /\n/, $node->safe_psql('postgres', qq(
	SELECT sum(rows) FROM olist_etl.generate_sample('$dir/small', 0.05) \\gset
	$peak;
	SELECT sum(rows) FROM olist_etl.generate_sample('$dir/large', 5) \\gset
	$peak;));
cmp_ok($large - $small, '<', 1024, "a hundredfold scale takes no more memory ($small, $large kB)");

# the files are for others to read, and complete
my @files = glob("$dir/small/*");
is(@files, 9, 'nine files');
is_deeply([ grep { ((stat $_)[2] & 0777) != 0644 } @files ], [], '... with the permissions of files of COPY');
is((stat "$dir/small")[2] & 0777, 0755, '... in a directory with those of a directory');

# rows grow with the scale, in each file but the translation
my %rows;
for my $scale (1, 3)
{
	for (split /\n/, $node->safe_psql('postgres',
			"SELECT file, rows FROM olist_etl.generate_sample('$dir/p$scale', $scale * 0.1)"))
	{
		my ($file, $rows) = split /\|/;
		push @{ $rows{$file} }, $rows;
	}
}
delete $rows{'product_category_name_translation.csv'};
is_deeply([ grep { abs($rows{$_}[1] / $rows{$_}[0] - 3) > 0.02 } keys %rows ],
	[], 'three times the scale is three times the rows');

# what is there is not touched, and no file is written before all names are free
mkdir "$dir/foreign";
append_to_file("$dir/foreign/product_category_name_translation.csv", 'mine');
my ($status, $out, $err) = generate("'$dir/foreign', 0.001");
like($err, qr/ERROR:  58P02: .*already exists/, 'a file that exists is not replaced');
like($err, qr/HINT:  .*overwrite => true/, '... unless asked to');
is_deeply([ map { s/.*\///r } glob("$dir/foreign/{,.}*csv*") ],
	['product_category_name_translation.csv'], '... and nothing is written beside it');
is(slurp_file("$dir/foreign/product_category_name_translation.csv"), 'mine', '... nor into it');
($status, $out, $err) = generate("'$dir/foreign', 0.001, overwrite => true");
is($status, 0, '... which replaces it');
unlink "$dir/foreign/olist_orders_dataset.csv";
symlink "$dir/elsewhere", "$dir/foreign/olist_orders_dataset.csv";
($status, $out, $err) = generate("'$dir/foreign', 0.001, overwrite => true");
like($err, qr/58P02/, 'a link is not followed');
ok(!-e "$dir/elsewhere", '... to anywhere');

# an operating system's refusal is said, and leaves nothing
($status, $out, $err) = generate("'$dir/none/sub'");
like($err, qr/ERROR:  58P01: could not create directory/, 'a directory that cannot be made');
append_to_file("$dir/file", '');
($status, $out, $err) = generate("'$dir/file'");
like($err, qr/ERROR:  42809: /, 'a file instead of a directory');

# cancelled in the middle of a file: no part of it stays, the session goes on
my $session = start(
	[
		'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
		"SELECT count(*) FROM olist_etl.generate_sample('$dir/cancel', 100)", '-c', 'SELECT 42'
	],
	'>', \my $said, '2>', \my $complained);
poll_until(sub { () = glob("$dir/cancel/.*.tmp") }, 'a file is being written');
is(scalar(() = glob("$dir/cancel/*.csv")), 0, 'a file has its name only when it is complete');
$node->safe_psql('postgres',
	q(SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%/cancel%' AND pid <> pg_backend_pid()));
finish($session);
like($complained, qr/canceling statement due to user request/, 'a call can be cancelled');
is($said, "42\n", '... and the session goes on');
is(scalar(() = glob("$dir/cancel/{,.}*csv*")), 0, '... and nothing half-written stays');

# the right is that of COPY TO
$node->safe_psql('postgres', 'CREATE ROLE writer; CREATE ROLE other; GRANT pg_write_server_files TO writer');
($status, $out, $err) = generate("'$dir/writer', 0.001", 'writer');
is($status, 0, 'who may write server files may');
($status, $out, $err) = generate("'$dir/other', 0.001", 'other');
like($err, qr/ERROR:  42501/, 'others may not');

$node->stop;
done_testing();
