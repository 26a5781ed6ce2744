# A small S3 client for the tests, the demo and the bench: it makes buckets and
# puts, gets, lists and deletes objects on the throw-away server. It signs with
# its own hand (Signature Version 4), so the extension is not judged by itself.
# Core Perl only.
#
# As a module:
#     my $s3 = Olist::S3->from_env;               # undef without S3_ENDPOINT
#     $s3->make_bucket('b');
#     $s3->put('b', 'a key', \'content');         # or a file name
#     my $etag = $s3->put_file('b', 'k', '/tmp/x');
# As a command:
#     perl test/perl/Olist/S3.pm mb BUCKET
#     perl test/perl/Olist/S3.pm put BUCKET KEY FILE | get BUCKET KEY | rm BUCKET KEY | ls BUCKET
package Olist::S3;

use strict;
use warnings;

use Carp;
use Digest::SHA qw(sha256_hex hmac_sha256 hmac_sha256_hex);
use HTTP::Tiny;
use POSIX qw(strftime);

sub new
{
	my ($class, %param) = @_;
	my $self = bless {
		region => 'us-east-1',
		http => HTTP::Tiny->new(timeout => 60, keep_alive => 1, max_redirect => 0),
		%param
	}, $class;
	($self->{host}) = $self->{endpoint} =~ m{^http://([^/]+)}
	  or croak "endpoint must be http://host[:port]";
	return $self;
}

# The server that the environment names, or undef.
sub from_env
{
	my ($class) = @_;
	return unless $ENV{S3_ENDPOINT};
	return $class->new(
		endpoint => $ENV{S3_ENDPOINT},
		access_key => $ENV{AWS_ACCESS_KEY_ID},
		secret_key => $ENV{AWS_SECRET_ACCESS_KEY},
		session_token => $ENV{AWS_SESSION_TOKEN});
}

sub endpoint { return $_[0]->{endpoint}; }
sub access_key { return $_[0]->{access_key}; }
sub secret_key { return $_[0]->{secret_key}; }
sub session_token { return $_[0]->{session_token}; }

# Percent-encodes bytes; characters are taken as UTF-8. Slashes stay when asked.
sub _encode
{
	my ($text, $keep_slash) = @_;
	utf8::encode($text) if utf8::is_utf8($text);
	my $safe = $keep_slash ? 'A-Za-z0-9._~/-' : 'A-Za-z0-9._~-';
	$text =~ s/([^$safe])/sprintf '%%%02X', ord $1/ge;
	return $text;
}

# Sends one signed request and returns HTTP::Tiny's response; croaks unless its
# status is 2xx. BODY is a string; QUERY and HEADERS are hash references.
sub request
{
	my ($self, $method, $bucket, $key, %param) = @_;
	my $path = '/' . _encode($bucket);
	$path .= '/' . _encode($key, 1) if defined $key;
	my $query = join '&',
	  map { _encode($_) . '=' . _encode($param{query}{$_}) } sort keys %{ $param{query} // {} };
	my $body = $param{body} // '';

	my @now = gmtime;
	my $time = strftime('%Y%m%dT%H%M%SZ', @now);
	my $date = substr $time, 0, 8;
	my %header = (
		'x-amz-date' => $time,
		'x-amz-content-sha256' => sha256_hex($body),
		%{ $param{headers} // {} });
	$header{'x-amz-security-token'} = $self->{session_token} if $self->{session_token};

	# HTTP::Tiny adds Host itself
	my %signed = (%header, host => $self->{host});
	my @names = sort keys %signed;
	my $signed_names = join ';', @names;
	my $canonical = join "\n", $method, $path, $query,
	  (map { "$_:$signed{$_}" } @names), '', $signed_names, $header{'x-amz-content-sha256'};
	my $scope = "$date/$self->{region}/s3/aws4_request";
	my $to_sign = join "\n", 'AWS4-HMAC-SHA256', $time, $scope, sha256_hex($canonical);
	my $signing_key = 'AWS4' . $self->{secret_key};
	$signing_key = hmac_sha256($_, $signing_key) for split m{/}, $scope;
	$header{authorization} =
	    "AWS4-HMAC-SHA256 Credential=$self->{access_key}/$scope,"
	  . "SignedHeaders=$signed_names,Signature=" . hmac_sha256_hex($to_sign, $signing_key);

	my $url = $self->{endpoint} . $path . ($query ne '' ? "?$query" : '');
	my $response = $self->{http}->request($method, $url, { headers => \%header, content => $body });
	croak "$method $bucket/" . ($key // '') . ": $response->{status} $response->{content}"
	  unless $response->{success};
	return $response;
}

sub make_bucket
{
	my ($self, $bucket) = @_;
	$self->request('PUT', $bucket);
	return;
}

# Stores the string that CONTENT refers to, and returns the ETag.
sub put
{
	my ($self, $bucket, $key, $content) = @_;
	return $self->request('PUT', $bucket, $key, body => $$content)->{headers}{etag};
}

# Stores the file, and returns the ETag.
sub put_file
{
	my ($self, $bucket, $key, $file) = @_;
	open my $handle, '<:raw', $file or croak "$file: $!";
	local $/;
	my $content = <$handle>;
	return $self->put($bucket, $key, \$content);
}

sub get
{
	my ($self, $bucket, $key) = @_;
	return $self->request('GET', $bucket, $key)->{content};
}

sub delete
{
	my ($self, $bucket, $key) = @_;
	$self->request('DELETE', $bucket, $key);
	return;
}

# The keys of the bucket, in the server's order. For keys without XML's special
# characters.
sub list
{
	my ($self, $bucket) = @_;
	my (@keys, $token);
	do
	{
		my %query = ('list-type' => 2);
		$query{'continuation-token'} = $token if defined $token;
		my $xml = $self->request('GET', $bucket, undef, query => \%query)->{content};
		push @keys, $xml =~ m{<Key>([^<]*)</Key>}g;
		($token) = $xml =~ m{<NextContinuationToken>([^<]*)<};
	} while (defined $token);
	return @keys;
}

sub command
{
	my ($verb, @arg) = @_;
	my $s3 = __PACKAGE__->from_env or die "S3_ENDPOINT is not set\n";
	my %verb = (
		mb => sub { $s3->make_bucket(@_) },
		put => sub { $s3->put_file(@_) },
		get => sub { print $s3->get(@_) },
		rm => sub { $s3->delete(@_) },
		ls => sub { print map { "$_\n" } $s3->list(@_) });
	die "usage: S3.pm mb|put|get|rm|ls BUCKET [KEY [FILE]]\n" unless $verb && $verb{$verb};
	$verb{$verb}->(@arg);
	return;
}

command(@ARGV) unless caller;

1;
