# A broken network is a nuisance and no more: every fault of the proxy, at the
# first byte, after the headers, in the middle and at the last byte of a 50 MB
# object, read in parts. The bytes are exactly right, or the error is clean;
# an object that is overwritten while it is read is never mixed.
# (L1 to L10, and h01 to h05, h21, h24, h25 of the fault tables.)
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use IO::Compress::Gzip qw(gzip);
use Olist;
use Olist::Source;
use Test::More;
use Time::HiRes qw(time);

my $s3 = s3_or_skip();
my $node = olist_cluster('main');
prepare_source($node);
my $bucket = new_bucket($s3);
my $proxy = fault_proxy();

# 50 MB of lines, as a CSV object with a known number of rows
my $rows = 500_000;
my $size = 0;
my $data = "id,payload\n";
$data .= sprintf "%d,%s\n", $_, 'x' x (100 - 2 - length $_) for 1 .. $rows;
$size = length $data;
my $sum = md5_hex($data);
my $etag = $s3->put($bucket, 'big.csv', \$data);
$etag =~ s/"//g;
my $right = "ok $size $sum";
my $read = "SELECT read_object('s3://$bucket/big.csv', 's')";
my $pinned = "SELECT read_object('s3://$bucket/big.csv', 's', '$etag', $size)";
my $part = 8 * 1024 * 1024;

create_server($node, 's', $proxy->endpoint, $s3, timeout => '1s', retries => 4);
is(try_sql($node, $read), $right, 'undisturbed');

sub retries
{
	my ($sql) = @_;
	my $out = $node->safe_psql('postgres', "SELECT try(\$\$$sql\$\$);
		SELECT string_agg(metric || '=' || value, ' ' ORDER BY metric) FROM olist_etl.source_stats()
		WHERE metric LIKE 'retries%' AND value > 0");
	my ($result, $stats) = split /\n/, $out;
	return ($result, $stats // '');
}

# where in a part's body it breaks
my %place = (
	'before any byte' => -1,
	'after the headers' => 0,
	'at the first byte' => 1,
	'in the middle' => $part / 2,
	'before the last byte' => $part - 1);

# what breaks a connection is mended, in any part, and what was read stays right
foreach my $fault (qw(reset close stall))
{
	foreach my $place (sort { $place{$a} <=> $place{$b} } keys %place)
	{
		next if $place{$place} < 0 && $fault ne 'reset';
		my ($result, $stats);
		foreach my $range ('bytes=0-', 'bytes=16777216-')
		{
			$proxy->clear;
			$proxy->fault(do => $fault, after => $place{$place},
				match => { path => 'big', range => "^$range" });
			($result, $stats) = retries($pinned);
			is($result, $right, "$fault $place, part at $range");
			my $reason = $fault eq 'stall' ? 'timeout' : 'reset';

			# (libcurl itself replaces a kept connection that turns out to be dead)
			like($stats, $place{$place} < 0 ? qr/^(retries_reset=1)?$/ : qr/^retries_$reason=1$/,
				'... and counted');
		}
	}
}

# every third request is reset: a long object still comes to its end
$proxy->clear;
$proxy->fault(do => 'reset', after => 1_000_000, skip => 3 * $_, match => { path => 'big' })
  for 1 .. 4;
is(try_sql($node, $read), $right, 'every third request is reset');

# a server in trouble is asked again, and left in peace as long as it asks for
foreach my $fault (qw(internal slowdown))
{
	$proxy->clear;
	$proxy->fault(do => $fault, retryAfter => 1, times => 2, match => { path => 'big' });
	my $start = time;
	my ($result, $stats) = retries($pinned);
	is($result, $right, "$fault twice");
	like($stats, $fault eq 'internal' ? qr/^retries_server=2$/ : qr/^retries_throttled=2$/,
		'... and counted');
	cmp_ok(time - $start, '>', 0.9, '... after the time that the server asks for')
	  if $fault eq 'slowdown';

	$proxy->clear;
	$proxy->fault(do => $fault, retryAfter => 0, times => -1, match => { path => 'big' });
	like(try_sql($node, $pinned), qr/^08006 .*Tried 5 times/s, "$fault for ever");
	is(scalar(grep { $_->{url} =~ /big/ } $proxy->log) >= 5, 1, '... after as many tries');
}

# the same for a listing
$s3->put($bucket, "list/$_", \'x') for 1 .. 5;
my $list = "SELECT string_agg(right(uri, 1), ' ')
	FROM olist_etl.list_objects('s3://$bucket/list/', 's')";
create_server($node, 's', $proxy->endpoint, $s3, timeout => '1s', retries => 4, page_size => 2);
foreach my $rule ({ do => 'reset', after => -1 }, { do => 'reset', after => 0 },
	{ do => 'reset', after => 100 }, { do => 'close', after => 300 }, { do => 'stall', after => 200 },
	{ do => 'short', after => 250 }, { do => 'internal' }, { do => 'slowdown', retryAfter => 0 },
	{ do => 'status', code => 200, xml => '<Error><Code>InternalError</Code></Error>' })
{
	$proxy->clear;
	$proxy->fault(%$rule, skip => 1, match => { path => 'list-type' });
	is(try_sql($node, $list), 'ok 1 2 3 4 5',
		"list, second page: $rule->{do}" . (defined $rule->{after} ? " after $rule->{after}" : ''));
}
$proxy->clear;
$proxy->fault(do => 'status', code => 200, times => -1,
	xml => '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>same'
	  . '</NextContinuationToken><Contents><Key>list/1</Key><Size>1</Size></Contents></ListBucketResult>');
like(try_sql($node, $list), qr/^08P01 .*(same page|follows)/, 'list: the same page for ever');
$proxy->clear;
$proxy->fault(do => 'status', code => 200, xml => '<html>Please log in</html>', times => -1);
like(try_sql($node, $list), qr/^08P01 .*not usable/, 'list: no listing at all');

# what cannot be mended is an error, never a wrong byte
create_server($node, 's', $proxy->endpoint, $s3, timeout => '1s', retries => 1, checksum => 'on');
$proxy->clear;
is(try_sql($node, $read), $right, 'with its sum compared');
foreach my $at (0, 1, $part / 2, $part - 1)
{
	foreach my $sql ($read, $pinned)
	{
		$proxy->clear;
		$proxy->fault(do => 'corrupt', at => $at, match => { path => 'big', range => '^bytes=8388608-' });
		like(try_sql($node, $sql), qr/^XX001 .*checksum/, "one bit flipped at $at of the second part");
	}
}

# whose sum is compared: by default that of what comes in one answer over plain
# http, up to an object of exactly one part
my %content = (part => substr($data, 0, 65536), more => substr($data, 0, 65537), empty => '');
my %etag = map { $_ => $s3->put($bucket, $_, \$content{$_}) =~ s/"//gr } keys %content;
foreach my $case ([ 'auto', 'part', 1 ], [ 'auto', 'more', 0 ], [ 'on', 'part', 1 ],
	[ 'on', 'more', 1 ], [ 'off', 'part', 0 ])
{
	my ($checksum, $key, $noticed) = @$case;
	create_server($node, 's', $proxy->endpoint, $s3, retries => 0, part_size => '64kB',
		checksum => $checksum);
	my $length = length $content{$key};
	foreach my $version ('', ", '$etag{$key}', $length")
	{
		my $what = "checksum $checksum, $length bytes, version " . ($version ? 'known' : 'unknown');
		my $sql = "SELECT read_object('s3://$bucket/$key', 's'$version)";
		$proxy->clear;
		is(try_sql($node, $sql), "ok $length " . md5_hex($content{$key}), "$what: whole");
		$proxy->fault(do => 'corrupt', at => 65535, match => { path => $key });
		my $flipped = $content{$key};
		substr($flipped, 65535, 1) = chr(1 ^ ord substr $flipped, 65535, 1);
		like(try_sql($node, $sql),
			$noticed ? qr/^XX001 .*checksum/ : qr/^ok $length @{[ md5_hex($flipped) ]}$/,
			$noticed ? '... a flipped bit is an error' : '... a flipped bit is not noticed');
	}
}

# packed in several members, over ranges that end anywhere and connections that break
foreach my $piece (unpack '(a40000)10', $data)
{
	gzip(\$piece => \my $member) or die;
	$content{members} .= $member;
}
$s3->put($bucket, 'members.csv.gz', \$content{members});
foreach my $part_size (1024, 1025, 4001)
{
	create_server($node, 's', $proxy->endpoint, $s3, part_size => $part_size);
	$proxy->clear;
	$proxy->fault(do => 'reset', after => 700, skip => 3 * $_, match => { path => 'members' }) for 1 .. 3;
	is(try_sql($node, "SELECT read_object('s3://$bucket/members.csv.gz', 's')"),
		'ok 400000 ' . md5_hex(substr $data, 0, 400_000), "ten members in parts of $part_size bytes");
}
$proxy->clear;
create_server($node, 's', $proxy->endpoint, $s3);
foreach my $version ('', ", '$etag{empty}', 0")
{
	is(try_sql($node, "SELECT read_object('s3://$bucket/empty', 's'$version)"),
		'ok 0 ' . md5_hex(''), 'the sum of an empty object, version ' . ($version ? 'known' : 'unknown'));
}
create_server($node, 's', $proxy->endpoint, $s3, timeout => '1s', retries => 1);
foreach my $case (
	[ 'a short body that looks whole', { do => 'short', after => 1000 }, qr/^08P01 .*announces/ ],
	[ 'another version in one part', { do => 'etag', value => '"other"' }, qr/^55000 .*has changed/ ],
	[ 'a version without a name', { do => 'noetag' }, qr/^08P01 .*no version/ ],
	[ 'a range that nobody asked for',
		{ do => 'status', code => 206, xml => 'x', headers => { ETag => "\"$etag\"",
			'Content-Range' => "bytes 5-5/$size" } }, qr/^08P01 .*asked for/ ],
	[ 'a range without a total',
		{ do => 'status', code => 206, xml => 'x', headers => { ETag => "\"$etag\"",
			'Content-Range' => 'bytes 8388608-16777215/*' } }, qr/^08P01 .*Content-Range/ ],
	[ 'another size',
		{ do => 'status', code => 206, xml => 'x', headers => { ETag => "\"$etag\"",
			'Content-Range' => 'bytes 8388608-16777215/60000000' } }, qr/^55000 .*60000000/ ],
	[ 'the whole instead of a range',
		{ do => 'status', code => 200, xml => 'x', headers => { ETag => "\"$etag\"" } },
		qr/^08P01 .*the whole came/ ],
	[ 'nothing', { do => 'status', code => 204 }, qr/^08P01 / ],
	[ 'a changed object', { do => 'status', code => 412 }, qr/^55000 .*has changed/ ])
{
	my ($what, $rule, $expected) = @$case;
	foreach my $range ('^bytes=0-', '^bytes=8388608-')
	{
		next if $what =~ /another|a range/ && $range =~ /=0/;
		$proxy->clear;
		$proxy->fault(%$rule, match => { path => 'big', range => $range });
		like(try_sql($node, $pinned), $expected, "$what, part at $range");
	}
}

# slow is not stalled
$proxy->clear;
$proxy->fault(do => 'slow', bps => 4_000_000, match => { path => 'big', range => '^bytes=0-' });
is(try_sql($node, $pinned), $right, 'a slow part');

# nothing there at all: refused at once, tried again, then given up
create_server($node, 's', 'http://127.0.0.1:1', $s3, retries => 2);
my ($result, $stats) = retries($read);
like($result, qr/^08001 .*no connection.*Tried 3 times/s, 'nobody listens');
is($stats, 'retries_connect=2', '... and counted');

# rows of a table: all or an error, and after an error none
create_server($node, 's', $proxy->endpoint, $s3, timeout => '1s', retries => 4);
$node->safe_psql('postgres', "CREATE FOREIGN TABLE big (id int, payload text) SERVER s
	OPTIONS (uri 's3://$bucket/big.csv'); CREATE TABLE copy (id int, payload text)");
$proxy->clear;
$proxy->fault(do => 'reset', after => 5_000_000, match => { path => 'big' });
is($node->safe_psql('postgres', 'SELECT count(*), sum(id), min(length(payload)) FROM big'),
	"$rows|" . $rows * ($rows + 1) / 2 . '|92', 'rows are right over a connection that breaks');
$proxy->clear;
$proxy->fault(do => 'status', code => 412, match => { path => 'big', range => '^bytes=25165824-' });
like(try_sql($node, 'INSERT INTO copy SELECT * FROM big'), qr/^55000 /,
	'an object that changes in the middle ends the statement');
is($node->safe_psql('postgres', 'SELECT count(*) FROM copy'), '0', '... and leaves no rows');

# overwritten for real while it is read: by a version of the same size
(my $other = $data) =~ tr/x/y/;
create_server($node, 's', $proxy->endpoint, $s3, connections => 2);
$proxy->clear;
$proxy->fault(do => 'hold', skip => 3, match => { method => 'GET', path => 'big' });
my $outcome = start_sql($node, $pinned);
poll_until(sub { grep { ($_->{fault} // '') eq 'hold' } $proxy->log }, 'a part is held back');
$s3->put($bucket, 'big.csv', \$other);
$proxy->release;
like($outcome->(), qr/^55000 .*has changed/, 'overwritten while it is read: an error, not a mixture');
$s3->delete($bucket, 'big.csv');
$proxy->clear;
like(try_sql($node, $pinned), qr/^58P01 /, 'deleted after it was listed');

$node->stop;
done_testing();
