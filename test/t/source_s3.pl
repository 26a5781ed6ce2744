# S3 against real servers: Ceph's gateway; the same over https, with the bucket
# in the host's name, and with temporary credentials behind a proxy that
# enforces AWS's rules and a region that the client does not know at first; and,
# where it is installed, OpenStack Swift. Every key that
# may go wrong in a signature, paging, ranges, and every kind of refusal with
# the right SQLSTATE and a hint that tells the causes apart.
use strict;
use warnings;
use utf8;

use Digest::MD5 qw(md5_hex);
use Encode qw(encode_utf8);
use Olist;
use Olist::RawServer;
use Olist::Source;
use Olist::Swift;
use Test::More;

my $ceph = s3_or_skip();
my $node = olist_cluster('main');
prepare_source($node);

my $temporary = temporary_s3(3600);
my $strict = fault_proxy(strict => 'eu-west-1');
my $swift = Olist::Swift->new_or_undef;
my %server = (
	ceph => { endpoint => $ceph->endpoint, s3 => $ceph },
	sts => { endpoint => $strict->endpoint, s3 => $temporary });
$server{https} = { endpoint => $ENV{S3_TLS_ENDPOINT}, s3 => $ceph, ca_file => $ENV{S3_CA_FILE} }
  if $ENV{S3_TLS_ENDPOINT};
$server{virtual} = {
	endpoint => $ceph->endpoint =~ s/127\.0\.0\.1/s3.localhost/r,
	s3 => $ceph,
	addressing => 'virtual' };
$server{swift} = { endpoint => $swift->endpoint, s3 => $swift } if $swift;
note 'Swift is not installed, and not tested' unless $swift;

my @keys = (
	'plain.csv', 'a space.csv', 'plus+plus.csv', 'equals=.csv', 'amp&amp.csv', 'per%cent.csv',
	'%20literal.csv', 'double//slash.csv', '/leading.csv', './dot.csv', '../dotdot.csv',
	q{single'double".csv}, ';:@$,.csv', '#hash?question.csv', '~tilde.csv', '(paren)!*.csv',
	'UTF-8/ação/日本語.csv', 'glob{a,b}[c].csv', 'k' x 1024, 'version?versionId=x');
my %result;

# One line of the matrix: the case has this outcome at this server.
sub case
{
	my ($name, $case, $good) = @_;
	$case = encode_utf8($case);
	$result{$case}{$name} = $good ? 'ok' : 'FAILED';
	return ok($good, "$name: $case");
}

sub error_case
{
	my ($name, $case, $expected, $sql) = @_;
	my $outcome = try_sql($node, $sql);
	case($name, $case, $outcome =~ $expected) or diag $outcome;
	return;
}

# what holds for all of them
foreach my $name (sort keys %server)
{
	my %option = %{ $server{$name} };
	my ($endpoint, $s3) = delete @option{qw(endpoint s3)};
	my $writer = $name eq 'swift' ? $swift : $ceph;
	my $bucket = new_bucket($writer);
	my %content;

	create_server($node, 's', $endpoint, $s3, %option, page_size => 2);
	foreach my $key (@keys)
	{
		$content{$key} = "key\n" . encode_utf8($key) . "\n";
		$writer->put($bucket, $key, \$content{$key});
	}

	# every key is listed, in order, over pages of two
	my @expected = map { encode_utf8("s3://$bucket/$_" . (/\?versionId=/ ? '?versionId=' : '')) }
	  sort { encode_utf8($a) cmp encode_utf8($b) } @keys;
	my @listed = map { encode_utf8($_) } map { (split /\|/, $_)[0] } map { utf8($_) }
	  objects($node, "s3://$bucket/", 's');
	case($name, 'list in pages of 2', "@listed" eq "@expected")
	  or diag explain [ \@listed, \@expected ];

	# every key that was listed can be read, with the version that was listed and without
	foreach my $pin ('etag, size', 'NULL, NULL')
	{
		my %read = map { /^(.*)\|\d+ (\w+)$/ ? ($1 => $2) : () } split /\n/, utf8($node->safe_psql(
			'postgres', "SELECT uri, read_object(uri, 's', $pin)
			FROM olist_etl.list_objects('s3://$bucket/', 's')"));
		foreach my $key (@keys)
		{
			my $uri = "s3://$bucket/$key" . ($key =~ /\?versionId=/ ? '?versionId=' : '');
			my $shown = length $key > 40 ? length($key) . ' bytes' : $key;
			case($name, "key $shown" . ($pin =~ /etag/ ? ', pinned' : ''),
				($read{$uri} // '') eq md5_hex($content{$key}));
		}
	}

	# an object in many ranges, one that is a multiple of the part, one byte, none
	create_server($node, 's', $endpoint, $s3, %option, part_size => '16kB', connections => 4);
	foreach my $size (0, 1, 16384, 32768, 300_001)
	{
		my $data = join '', map { chr(65 + $_ % 57) } 1 .. $size;
		$writer->put($bucket, "size/$size", \$data);
		case($name, "$size bytes in ranges of 16 kB",
			read_object($node, "s3://$bucket/size/$size", 's') eq "$size " . md5_hex($data));
	}

	# patterns choose, and look no deeper than they must
	my @globbed = objects($node, "s3://$bucket/{plain,plus*}.csv", 's');
	case($name, 'glob', @globbed == 2);
	case($name, 'glob of deeper keys', objects($node, "s3://$bucket/**/日本*.csv", 's') == 1);

	# what stands for a folder is no object, unless there is something in it
	$writer->put($bucket, "folder/$_->[0]", \$_->[1]) for [ '', '' ], [ 'a.csv', "a\n1\n" ], [ 'b/', '' ], [ 'c/', "a\n2\n" ];
	case($name, 'folders are no objects', join(' ', map { /folder(\S+?)\|/ } objects($node, "s3://$bucket/folder/", 's')) eq '/a.csv /c/');
	case($name, 'a prefix without objects', objects($node, "s3://$bucket/none/", 's') == 0);
	my ($single) = objects($node, "s3://$bucket/size/300001", 's');
	case($name, 'one object', ($single // '') =~ /^s3:..\Q$bucket\E.size.300001\|300001\|\w{32}$/);

	# what is not there
	error_case($name, 'missing key', qr/^58P01 .*does not exist/,
		"SELECT read_object('s3://$bucket/none', 's')");
	error_case($name, 'missing key, listed', qr/^58P01 .*does not exist/,
		"SELECT olist_etl.list_objects('s3://$bucket/none', 's')");
	error_case($name, 'missing bucket', qr/^58P01 .*bucket does not exist/,
		"SELECT olist_etl.list_objects('s3://$bucket-none/', 's')");

	# who is refused
	my $wrong = Olist::S3->new(
		endpoint => $s3->endpoint,
		access_key => $s3->access_key,
		secret_key => 'wrong',
		session_token => $s3->session_token);
	create_server($node, 's', $endpoint, $wrong, %option);
	# (Ceph looks temporary keys up by their token, and then finds no such key)
	my $refusal =
	  $name eq 'sts'
	  ? qr/^28000 .*InvalidAccessKeyId.*access key/s
	  : qr/^28000 .*signature.*SignatureDoesNotMatch.*secret key/s;
	error_case($name, 'wrong secret', $refusal,
		"SELECT olist_etl.list_objects('s3://$bucket/', 's')");
	error_case($name, 'wrong secret, read', $refusal,
		"SELECT read_object('s3://$bucket/plain.csv', 's')");
	my $stranger = Olist::S3->new(
		endpoint => $s3->endpoint,
		access_key => 'AKIANOBODY',
		secret_key => 'x');
	create_server($node, 's', $endpoint, $stranger, %option);
	error_case($name, 'unknown access key',
		$name eq 'swift' ? qr/^(28000|42501) / : qr/^28000 .*InvalidAccessKeyId.*access key/s,
		"SELECT olist_etl.list_objects('s3://$bucket/', 's')");
	create_server($node, 's', $endpoint, undef, %option, anonymous => 'true');
	# (Swift takes an unsigned request for one of its own protocol, and for nonsense)
	error_case($name, 'anonymous',
		$name eq 'swift' ? qr/^08P01 .*refused.* 412/s : qr/^42501 .*no credentials at all/s,
		"SELECT olist_etl.list_objects('s3://$bucket/', 's')");
	create_server($node, 's', $endpoint, undef);
	$node->safe_psql('postgres', "CREATE USER MAPPING FOR CURRENT_USER SERVER s
		OPTIONS (access_key_id 'a')");
	error_case($name, 'half a key', qr/^2F003 .*secret_access_key/s,
		"SELECT olist_etl.list_objects('s3://$bucket/', 's')");
}

# what the proxy says on a server's behalf
my $bucket = new_bucket($ceph);
$ceph->put($bucket, 'k', \"a\n1\n");
my $proxy = fault_proxy();
create_server($node, 's', $proxy->endpoint, $ceph, retries => 2);
foreach my $case (
	[ 'expired token', { do => 'expired' }, qr/^28000 .*have expired.*ExpiredToken.*new temporary/s ],
	[ 'clock skew', { do => 'skewed' }, qr/^28000 .*RequestTimeTooSkewed.*clock/s ],
	[ 'archived',
		{ do => 'status', code => 403, xml => '<Error><Code>InvalidObjectState</Code></Error>' },
		qr/^55000 .*archived.*Restore/s ],
	[ 'access denied',
		{ do => 'status', code => 403, xml => '<Error><Code>AccessDenied</Code></Error>' },
		qr/^42501 .*denied.*s3:GetObject/s ],
	[ 'redirect without a region',
		{ do => 'redirect', to => 'http://127.0.0.1:1', region => 'us-east-1' },
		qr/^08006 .*another endpoint.*Redirects are not followed/s ])
{
	my ($what, $rule, $expected) = @$case;
	foreach my $sql ("SELECT read_object('s3://$bucket/k', 's')",
		"SELECT olist_etl.list_objects('s3://$bucket/', 's')")
	{
		$proxy->clear;
		$proxy->fault(times => -1, %$rule);
		error_case('proxy', $what . ($sql =~ /list/ ? ', list' : ''), $expected, $sql);
		my @log = $proxy->log;
		is(scalar @log, 1, '... is not tried again');
	}
}

# the wrong region is followed, and only once; the right one stays in the name of the server
$proxy->clear;
$proxy->fault(do => 'badregion', region => 'eu-central-1');
is(try_sql($node, "SELECT read_object('s3://$bucket/k', 's')"), 'ok 4 ' . md5_hex("a\n1\n"),
	'the region that the server asks for is used');
$proxy->clear;
$proxy->fault(do => 'redirect', to => 'http://127.0.0.1:1', region => 'eu-central-1');
is(try_sql($node, "SELECT read_object('s3://$bucket/k', 's')"), 'ok 4 ' . md5_hex("a\n1\n"),
	'... also where it comes with a redirect, whose address is not believed');
$proxy->clear;
$proxy->fault(do => 'badregion', region => 'evil.example/', times => -1);
like(try_sql($node, "SELECT read_object('s3://$bucket/k', 's')"), qr/^28000 .*another region/,
	'... but not one that is no region');

# expired while listing pages and while reading parts: with keys that cannot be renewed
$ceph->put($bucket, "page/$_", \'x') for 1 .. 5;
create_server($node, 's', $proxy->endpoint, $ceph, page_size => 2, part_size => '16kB');
$proxy->clear;
$proxy->fault(do => 'expired', skip => 1);
like(try_sql($node, "SELECT count(*) FROM olist_etl.list_objects('s3://$bucket/page/', 's')"),
	qr/^28000 .*expired/, 'a token that expires between two pages');

# versions
$ceph->request('PUT', $bucket, undef, query => { versioning => '' },
	body => '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
my @version = map {
	$ceph->request('PUT', $bucket, 'versioned', body => $_)->{headers}{'x-amz-version-id'}
} 'one', 'three';
create_server($node, 's', $ceph->endpoint, $ceph);
is(read_object($node, "s3://$bucket/versioned?versionId=$version[0]", 's'),
	'3 ' . md5_hex('one'), 'an old version is read');
is(read_object($node, "s3://$bucket/versioned", 's'), '5 ' . md5_hex('three'),
	'... and the present one');
like(try_sql($node, "SELECT read_object('s3://$bucket/versioned?versionId=none', 's')"),
	qr/^(58P01|08P01|22023) /, '... and one that does not exist is not');

# the chain's link that was used is in the error, the key is not
unlike(try_sql($node, "SELECT read_object('s3://$bucket/none', 's')"), qr/@{[ $ceph->secret_key ]}/,
	'no secret in an error');

# the source that is set lends its server to functions that name none
$node->safe_psql('postgres', sprintf q{SELECT olist_etl.set_source('s3://%s/', endpoint => '%s',
	use_http => true, access_key_id => '%s', secret_access_key => '%s')},
	$bucket, $ceph->endpoint, $ceph->access_key, $ceph->secret_key);
is(scalar(() = objects($node, "s3://$bucket/page/")), 5, "without a server's name, that of the source is used");
is($node->safe_psql('postgres', "SELECT string_agg(step || ' ' || status, ', ')
	FROM olist_etl.check_source('s3://$bucket/page/')"),
	'address ok, resolve ok, connect ok, sign ok, list ok, read ok', '... step by step');

# who pays is said, and signed
my $payer = Olist::RawServer->new(
	sub {
		print { $_[1] } "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
		return;
	});
create_server($node, 's', $payer->endpoint, $ceph, requester_pays => 'true');
try_sql($node, "SELECT read_object('s3://$bucket/k', 's')");
my ($request) = $payer->requests;
is($request->{headers}{'x-amz-request-payer'}, 'requester', 'the requester pays');
like($request->{headers}{authorization},
	qr/SignedHeaders=host;range;x-amz-content-sha256;x-amz-date;x-amz-request-payer,/, '... and signs that');

# the matrix
note sprintf '%-45s %s', 'case', join ' ', map { sprintf '%-7s', $_ } sort keys %server;
foreach my $case (sort keys %result)
{
	note sprintf '%-45s %s', $case,
	  join ' ', map { sprintf '%-7s', $result{$case}{$_} // '-' } sort keys %server;
}
$node->stop;
done_testing();

sub utf8
{
	my ($text) = @_;
	utf8::decode($text);
	return $text;
}
