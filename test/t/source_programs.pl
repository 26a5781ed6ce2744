# T14: no program is ever started to read a source. A backend is traced while it
# reads plain and packed objects of every kind of source, fails at some of them,
# and checks them: no execve(), and no child process (libcurl's resolver is a
# thread). Names and options that a shell would understand are names.
use strict;
use warnings;

use IO::Compress::Gzip qw(gzip);
use Olist;
use Olist::Source;
use Test::More;

my $s3 = s3_or_skip();
plan skip_all => 'strace is not installed' unless qx(strace -V 2>/dev/null);
my $directory = PostgreSQL::Test::Utils::tempdir();
system("strace -o '$directory/probe' -p 1 true 2>/dev/null; strace -o '$directory/probe' true 2>/dev/null") == 0
  or plan skip_all => 'strace may not trace';
my $bucket = new_bucket($s3);
my $node = do {
	local $ENV{LD_PRELOAD} = resolver();
	olist_cluster('main');
};
prepare_source($node);

# the same rows, packed in each way; names that would do something in a shell
my $csv = "a,b\n" . join '', map { "$_,x\n" } 1 .. 1000;
gzip(\$csv => \my $gzip) or die;
my %object = (
	'plain.csv' => $csv,
	'packed.csv.gz' => $gzip,
	'members.csv.gz' => $gzip . $gzip,
	'packed.csv.zst' => zstd($csv),
	'cut.csv.gz' => substr($gzip, 0, 100),
	'wrong.csv.zst' => 'no frame',
	"a\$(touch $directory/touched).csv" => $csv,
	"b; touch touched |.csv" => $csv,
	'`id`.csv' => $csv);
mkdir "$directory/files";
foreach my $name (keys %object)
{
	$s3->put($bucket, $name, \$object{$name});
	next if $name =~ m{/};
	open my $file, '>:raw', "$directory/files/$name" or die "$name: $!";
	print $file $object{$name};
	close $file;
}
create_server($node, 's', $s3->endpoint, $s3);
create_server($node, 'r', $s3->endpoint, $s3, role_arn => 'arn:aws:iam:::role/olist',
	sts_endpoint => $s3->endpoint);
create_server($node, 'h', 'http://inside.test:' . ($s3->endpoint =~ /(\d+)$/)[0], $s3);

# A backend's system calls that start processes or programs, while it executes
# the statements; undef, and a failed test, if it could not be traced.
sub traced
{
	my (@sql) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my ($trace, $said) = map { "$directory/$_.$pid" } qw(trace said);
	my $strace = fork // die "fork: $!";
	if ($strace == 0)
	{
		open STDERR, '>', $said;
		exec 'strace', '-f', '-e', 'trace=execve,execveat,fork,vfork,clone,clone3', '-o', $trace, '-p', $pid;
	}
	poll_until(sub { -s $said }, 'strace has attached') or return;
	like(PostgreSQL::Test::Utils::slurp_file($said), qr/attached/, 'strace has attached') or return;
	$session->query($_) for @sql;
	$session->quit;
	waitpid $strace, 0;
	return PostgreSQL::Test::Utils::slurp_file($trace);
}

# that the trace would show a program
like(traced("COPY (SELECT 1) TO PROGRAM 'true'"), qr/\bexecve\("/, 'a program is seen in a trace');

my @sources = map { (my $quoted = $_) =~ s/'/''/g; $quoted } map { ("s3://$bucket/$_", $_ =~ m{/} ? () : "$directory/files/$_") }
  sort keys %object;
my @sql;
foreach my $uri (@sources)
{
	my @server = $uri =~ /^s3/ ? qw(s r h) : ('s');
	push @sql, map { (
		"SELECT try(\$try\$SELECT read_object('$uri', '$_')\$try\$)",
		"SELECT try(\$try\$SELECT count(*) FROM olist_etl.read_csv('$uri', '$_') AS t(a int, b text)\$try\$)",
		"SELECT try(\$try\$SELECT count(*) FROM olist_etl.check_source('$uri', '$_')\$try\$)"
	) } @server;
}
push @sql, map { "SELECT try(\$try\$$_\$try\$)" }
  "SELECT count(*) FROM olist_etl.list_objects('s3://$bucket/', 's')",
  "SELECT count(*) FROM olist_etl.list_objects('$directory/files/', 's')",
  "SELECT read_object('@{[ $s3->endpoint ]}/$bucket/plain.csv', 's')",
  "SELECT read_object('sample://olist/olist_sellers_dataset.csv')",
  "SELECT olist_etl.generate_sample('$directory/sample', 0.001, 1, 'gzip')",
  "IMPORT FOREIGN SCHEMA \"s3://$bucket/\" FROM SERVER s INTO public";
my $trace = traced(@sql, "SELECT 'all ' || 'done'");
unlike($trace, qr/\bexec\w*\(/, 'T14: no program is started');
unlike($trace, qr/\bv?fork\(/, 'T14: nor a process forked');
is(scalar(grep { /\bclone3?\(/ && !/CLONE_THREAD/ } split /\n/, $trace), 0, '... nor cloned that is no thread');
like($trace, qr/CLONE_THREAD/, '... and threads are traced too');
like($trace, qr/^\d+ +\+\+\+ exited with 0/m, '... to the end of the backend');
ok(!-e "$directory/touched", 'no name was a command');

# the right rows came, so it was all of these paths that were traced
foreach my $name (grep { !/cut|wrong/ } sort keys %object)
{
	my $rows = $name =~ /members/ ? 2001 : 1000;
	is(try_sql($node, "SELECT count(*) FROM olist_etl.read_csv('s3://$bucket/$name', 's') AS t(a text, b text)"),
		"ok $rows", "the rows of $name");
}

# there is no option that names a program
foreach my $option (qw(program command filter decompressor))
{
	foreach my $sql ("CREATE FOREIGN TABLE p (a int) SERVER s OPTIONS (uri 's3://$bucket/plain.csv', $option 'true')",
		"ALTER SERVER s OPTIONS (ADD $option 'true')")
	{
		like(try_sql($node, $sql), qr/^HV00D /, "T14: no option $option, " . lc(($sql =~ /(\w+) s /i)[0]));
	}
}
$node->stop;
done_testing();

# A frame of zstd that holds the data in one block as it is.
sub zstd
{
	my ($data) = @_;
	my $length = length $data;
	return pack('V C V', 0xFD2FB528, 0xA0, $length) . substr(pack('V', $length << 3 | 1), 0, 3) . $data;
}
