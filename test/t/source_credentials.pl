# Where credentials come from: every link of the chain, in its order, and only
# where it is allowed; a role on top; renewal before they expire, also in the
# middle of a long object. No secret is shown anywhere on the way.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Olist;
use Olist::RawServer;
use Olist::Source;
use POSIX qw(strftime);
use Test::More;

my $s3 = s3_or_skip();
delete $ENV{$_} for grep { /^AWS_/ } keys %ENV;
my $bucket = new_bucket($s3);
$s3->put($bucket, 'k', \'content');
my $right = 'ok 7 ' . md5_hex('content');
my $read = "SELECT read_object('s3://$bucket/k', 's')";
my $whose = "SELECT detail FROM olist_etl.check_source('s3://$bucket/k', 's') WHERE step = 'sign'";
my $directory = PostgreSQL::Test::Utils::tempdir();

# the endpoints that a cloud offers: what they give is given as JSON or XML. The
# gateway itself takes web identities only from a provider of OpenID, so here
# others check the token, and give what the gateway's own STS gave to us.
my %given = (id => $s3->access_key, secret => $s3->secret_key);
my $temporary = temporary_s3(3600);
my $metadata = Olist::RawServer->new(\&metadata);

my $node = olist_cluster('main');
prepare_source($node);

sub metadata
{
	my ($request, $socket) = @_;
	my ($path, $header) = @{$request}{qw(path headers)};
	my $body;
	if ($path eq '/latest/api/token' && $request->{method} eq 'PUT')
	{
		$body = 'imds-token' if $header->{'x-aws-ec2-metadata-token-ttl-seconds'};
	}
	elsif ($path =~ m{^/latest/meta-data/iam/security-credentials/(.*)})
	{
		$body = $1 eq '' ? "the-role\n" : _json()
		  if ($header->{'x-aws-ec2-metadata-token'} // '') eq 'imds-token';
	}
	elsif ($path eq '/container')
	{
		$body = _json() if ($header->{authorization} // '') eq 'container-token';
	}
	elsif ($path eq '/' && $request->{body} =~ /Action=AssumeRoleWithWebIdentity/)
	{
		$body = '<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>'
		  . '<AccessKeyId>' . $temporary->access_key . '</AccessKeyId><SecretAccessKey>'
		  . $temporary->secret_key . '</SecretAccessKey><SessionToken>' . $temporary->session_token
		  . '</SessionToken><Expiration>' . _later() . '</Expiration></Credentials>'
		  . '</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>'
		  if $request->{body} =~ /WebIdentityToken=web-token$/ && !$header->{authorization};
	}
	my $status = defined $body ? '200 OK' : '403 No';
	$body //= '<Error><Code>AccessDenied</Code><Message>no</Message></Error>';
	print $socket "HTTP/1.1 $status\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
	return;
}

sub _later
{
	return strftime '%Y-%m-%dT%H:%M:%SZ', gmtime time + 3600;
}

sub _json
{
	return qq({"Code" : "Success", "AccessKeyId":"$given{id}", "SecretAccessKey" : "$given{secret}",)
	  . ' "Expiration" : "' . _later() . '"}';
}

sub write_file
{
	my ($name, $content, $mode) = @_;
	my $path = "$directory/$name";
	unlink $path;
	open my $out, '>', $path or die "$path: $!";
	print $out $content;
	close $out;
	chmod $mode, $path;
	return $path;
}

# restart the cluster with these variables in its environment
sub restart_with
{
	my (%environment) = @_;
	$node->stop;
	local %ENV = (%ENV, AWS_EC2_METADATA_DISABLED => 'true', HOME => $directory, %environment);
	$node->start;
	return;
}

sub drop_mapping { $node->safe_psql('postgres', 'DROP USER MAPPING IF EXISTS FOR CURRENT_USER SERVER s'); return; }

sub ambient_server
{
	create_server($node, 's', $s3->endpoint, undef, ambient_credentials => 'true', retries => 0,
		@_);
	return;
}

# 1. the user mapping: keys, or a profile
create_server($node, 's', $s3->endpoint, $s3, ambient_credentials => 'true');
is(try_sql($node, $read), $right, 'keys of the user mapping');
is(try_sql($node, $whose), 'ok the keys of the user mapping', '... are named');

my $profiles = "# a comment\n[default]\naws_access_key_id = nobody\naws_secret_access_key = x\n\n"
  . "[other]\n[reader]\naws_access_key_id=@{[ $s3->access_key ]}\n"
  . "aws_secret_access_key =  @{[ $s3->secret_key ]} \n";
my $file = write_file('profiles', $profiles, 0600);
$node->append_conf('postgresql.conf', "olist_etl.credentials_file = '$file'");
$node->reload;
sub profile
{
	my ($name) = @_;
	drop_mapping();
	$node->safe_psql('postgres',
		"CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (profile '$name')");
	return;
}
profile('reader');
is(try_sql($node, $read), $right, 'a profile');
is(try_sql($node, $whose), 'ok the profile "reader"', '... is named');
profile('none');
like(try_sql($node, $read), qr/^28000 there is no profile "none"/, 'a profile that is not there');
profile('other');
like(try_sql($node, $read), qr/^28000 .*no aws_access_key_id/, 'a profile without keys');
profile('reader');
foreach my $mode (0644, 0640, 0604, 0620)
{
	chmod $mode, $file;
	like(try_sql($node, $read), qr/^28000 .*others than its owner.*0600/s,
		sprintf 'a file with mode %04o is refused', $mode);
}
chmod 0400, $file;
is(try_sql($node, $read), $right, '... and with mode 0400 it is not');
unlink $file;
like(try_sql($node, $read), qr/^28000 there is no profile/, 'a file that is not there');

# a key that was changed in the file is noticed when the old one is refused
write_file('profiles', $profiles =~ s/OLIST\w+/OLISTOLD/r, 0600);
my $changed = write_file('changed', $profiles, 0600);
is( $node->safe_psql('postgres', "SELECT left(try(\$\$$read\$\$), 5);
		COPY (SELECT 1) TO PROGRAM 'mv $changed $file';
		SELECT try(\$\$$read\$\$)"), "28000\n$right", 'a changed profile is read again');

# 2. to 6. the server's surroundings
$node->append_conf('postgresql.conf', "olist_etl.credentials_file = ''");
my %all = (
	AWS_ACCESS_KEY_ID => $s3->access_key,
	AWS_SECRET_ACCESS_KEY => $s3->secret_key,
	AWS_WEB_IDENTITY_TOKEN_FILE => write_file('web-token', "web-token\n", 0644),
	AWS_ROLE_ARN => 'arn:aws:iam::1:role/web',
	AWS_CONTAINER_CREDENTIALS_FULL_URI => $metadata->endpoint . '/container',
	AWS_CONTAINER_AUTHORIZATION_TOKEN => 'container-token',
	AWS_EC2_METADATA_DISABLED => 'false',
	AWS_EC2_METADATA_SERVICE_ENDPOINT => $metadata->endpoint,
	AWS_SHARED_CREDENTIALS_FILE => write_file('shared', $profiles =~ s/\[reader\]/[me]/r, 0600),
	AWS_PROFILE => 'me');
my @links = (
	[ "the server's environment", qw(AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY) ],
	[ "the web identity of the server's environment", qw(AWS_WEB_IDENTITY_TOKEN_FILE) ],
	[ "the container's credentials endpoint", qw(AWS_CONTAINER_CREDENTIALS_FULL_URI) ],
	[ "the instance's metadata endpoint", qw(AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_EC2_METADATA_DISABLED) ],
	[ 'the profile "me"', qw(AWS_SHARED_CREDENTIALS_FILE AWS_PROFILE) ]);
foreach my $link (@links)
{
	my ($name, @variables) = @$link;
	restart_with(%all);
	ambient_server(sts_endpoint => $metadata->endpoint);
	is(try_sql($node, $whose), "ok $name", "$name: in its turn");
	is(try_sql($node, $read), $right, '... it works');

	# without a superuser's consent none of it counts, and nothing is asked
	$metadata->clear;
	create_server($node, 's', $s3->endpoint, undef);
	like(try_sql($node, $read), qr/^2F003 /, '... but only where a superuser allowed it');
	is($metadata->accepts, 0, '... and nothing is asked without');
	delete @all{@variables};
}
restart_with();
ambient_server();
like(try_sql($node, $read), qr/^28000 could not get credentials.*user mapping/s, 'nothing at all');

# one that is set up and fails is an error, not a reason to go on
restart_with(
	AWS_CONTAINER_CREDENTIALS_FULL_URI => $metadata->endpoint . '/container',
	AWS_CONTAINER_AUTHORIZATION_TOKEN => 'wrong');
ambient_server();
like(try_sql($node, $read), qr/^28000 .*container.*403/, 'an endpoint that refuses');
restart_with(
	AWS_WEB_IDENTITY_TOKEN_FILE => write_file('web-token', "wrong\n", 0644),
	AWS_ROLE_ARN => 'arn:aws:iam::1:role/web');
ambient_server(sts_endpoint => $metadata->endpoint);
like(try_sql($node, $read), qr/^28000 .*403 AccessDenied/, 'a web identity that is refused');

# the instance's endpoint is asked at its own addresses only
restart_with(
	AWS_EC2_METADATA_DISABLED => 'false',
	AWS_EC2_METADATA_SERVICE_ENDPOINT => 'http://10.0.0.1');
ambient_server();
like(try_sql($node, $read), qr/^28000 could not get/, 'a metadata endpoint elsewhere is not asked');

# 7. a role on top, renewed before it expires
restart_with();
my $role = 'arn:aws:iam:::role/olist';
create_server($node, 's', $s3->endpoint, $s3, role_arn => $role, sts_endpoint => $s3->endpoint);
is(try_sql($node, $read), $right, 'a role');
is(try_sql($node, $whose), qq(ok the role "$role", assumed with the keys of the user mapping),
	'... is named');
create_server($node, 's', $s3->endpoint, $s3, role_arn => 'arn:aws:iam:::role/none',
	sts_endpoint => $s3->endpoint, retries => 0);
like(try_sql($node, $read), qr/^28000 could not get credentials/, 'a role that is not there');
create_server($node, 's', $s3->endpoint, $s3, role_arn => $role, sts_endpoint => 'http://127.0.0.1:1',
	retries => 0);
like(try_sql($node, $read), qr/^08001 could not get credentials/, 'nobody gives out the role');

# ... only for the secret that it was assumed with: in one session for two users,
# the other has a mapping with the same key's name and another secret
create_server($node, 's', $s3->endpoint, $s3, role_arn => $role, sts_endpoint => $s3->endpoint);
is( $node->safe_psql('postgres', "CREATE ROLE other LOGIN;
	GRANT USAGE ON FOREIGN SERVER s TO other;
	CREATE USER MAPPING FOR other SERVER s OPTIONS (access_key_id '@{[ $s3->access_key ]}', secret_access_key 'guess');
	SELECT left(try(\$\$$read\$\$), 4);
	SET ROLE other;
	SELECT left(try(\$\$$read\$\$), 5)"), "ok 7\n28000", '... and kept for those who know that secret');

# STS at an address of IPv6
$node->append_conf('postgresql.conf', "olist_etl.allowed_endpoints = '127.0.0.1, [::1]'");
$node->reload;
create_server($node, 's', $s3->endpoint, $s3, role_arn => $role, sts_endpoint => 'http://[::1]:1', retries => 0);
like(try_sql($node, $read), qr/^08001 could not get credentials/, 'STS at an address of IPv6');

my $data = 'r' x (8 * 1024 * 1024);
$s3->put($bucket, 'long', \$data);
my $proxy = fault_proxy();
$proxy->fault(do => 'slow', bps => 2_000_000, times => -1, match => { path => '/long' });
create_server($node, 's', $proxy->endpoint, $s3, role_arn => $role, role_duration => 2,
	sts_endpoint => $s3->endpoint, connections => 1, part_size => '512kB');
my $out = $node->safe_psql('postgres', "SELECT try(\$\$SELECT read_object('s3://$bucket/long', 's')\$\$);
	SELECT value FROM olist_etl.source_stats() WHERE metric = 'requests_credentials'");
my ($result, $renewals) = split /\n/, $out;
is($result, 'ok 8388608 ' . md5_hex($data), 'an object that takes longer than the credentials last');
cmp_ok($renewals, '>=', 2, "... which were renewed ($renewals requests)");
my %token = map { ($_->{token} // '') => 1 } grep { $_->{url} =~ /long/ } $proxy->log;
cmp_ok(scalar(keys %token), '>=', 2, '... while it was read');

# a server that says that they are too old is believed
$proxy->clear;
$proxy->fault(do => 'expired', match => { path => '/k' });
create_server($node, 's', $proxy->endpoint, $s3, role_arn => $role, sts_endpoint => $s3->endpoint);
is( $node->safe_psql('postgres', "SELECT try(\$\$$read\$\$);
	SELECT value FROM olist_etl.source_stats() WHERE metric = 'retries_credentials'"),
	"$right\n1", 'credentials are renewed when the server says that they expired');
$proxy->clear;
$proxy->fault(do => 'expired', times => -1, match => { path => '/k' });
like(try_sql($node, $read), qr/^28000 .*expired/, '... once');

# no secret was shown on the way
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/\Q@{[ $s3->secret_key ]}\E(?!')/, 'no secret in the log but in the statements that set it');

$node->stop;
done_testing();
