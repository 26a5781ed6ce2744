# Plain HTTP servers, which promise less than S3: no ranges, no versions, no
# lengths, redirects, and answers that are broken in every way. What can be read
# for certain is read, all else is a clean error.
# (h01 to h09 and h14 to h32 of the table of HTTP cases.)
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Olist;
use Olist::RawServer;
use Olist::Source;
use Test::More;

my $node = olist_cluster('main');
prepare_source($node);

my $body = join '', map { "$_,row\n" } 1 .. 20_000;
my $size = length $body;
my $right = "ok $size " . md5_hex($body);

sub head
{
	my ($status, @header) = @_;
	return "HTTP/1.1 $status\r\n" . join('', map { "$_\r\n" } @header) . "\r\n";
}

# the range that is asked for, or all
sub part
{
	my ($request) = @_;
	my ($first, $last) = ($request->{headers}{range} // '') =~ /^bytes=(\d+)-(\d*)$/
	  or return (0, $size - 1);
	$last = $size - 1 if $last eq '' || $last >= $size;
	return ($first, $last);
}

# answers that are good
my %good = (
	# as S3 does
	'/ranges' => sub {
		my ($request, $socket) = @_;
		my ($first, $last) = part($request);
		print $socket head('206 Partial Content', 'ETag: "v1"',
			'Content-Length: ' . ($last - $first + 1), "Content-Range: bytes $first-$last/$size"),
		  substr $body, $first, $last - $first + 1;
		return 'keep';
	},
	# ranges, but no name for the version
	'/no-etag' => sub {
		my ($request, $socket) = @_;
		my ($first, $last) = part($request);
		print $socket head($request->{headers}{range} ? '206 Partial Content' : '200 OK',
			'Content-Length: ' . ($last - $first + 1),
			$request->{headers}{range} ? "Content-Range: bytes $first-$last/$size" : 'X: y'),
		  substr $body, $first, $last - $first + 1;
		return 'keep';
	},
	# no ranges
	'/whole' => sub {
		print { $_[1] } head('200 OK', "Content-Length: $size"), $body;
		return 'keep';
	},
	# a weak name, which must not be used to resume
	'/weak' => sub {
		print { $_[1] } head('200 OK', 'ETag: W/"v1"', "Content-Length: $size"), $body;
		return 'keep';
	},
	# no length, but an end
	'/chunked' => sub {
		print { $_[1] } head('200 OK', 'Transfer-Encoding: chunked'),
		  (map { sprintf "%x\r\n%s\r\n", length $_, $_ } unpack '(a7001)*', $body), "0\r\n\r\n";
		return 'keep';
	},
	# packed for the way although nobody asked for it, cookies, other services
	'/headers' => sub {
		print { $_[1] } head('200 OK', "Content-Length: $size", 'Set-Cookie: a=b; Path=/',
			'Refresh: 0; url=http://127.0.0.1:1/', 'Alt-Svc: h2="127.0.0.1:1"',
			'Link: <http://127.0.0.1:1/>'), $body;
		return 'keep';
	},
	# breaks off once, and knows its version
	'/breaks' => sub {
		my ($request, $socket) = @_;
		my ($first, $last) = part($request);
		print $socket head('206 Partial Content', 'ETag: "v1"',
			'Content-Length: ' . ($last - $first + 1), "Content-Range: bytes $first-$last/$size"),
		  substr $body, $first, $first == 0 ? 1000 : $last - $first + 1;
		return $first == 0 ? 'close' : 'keep';
	},
	'/redirect' => sub { print { $_[1] } head('302 Found', 'Location: /whole'); return; },
	'/redirects' => sub { print { $_[1] } head('307 Go on', 'Location: redirect?x=1'); return; },
	'/redirect?x=1' => sub { print { $_[1] } head('301 Go on', 'Location: /redirect'); return; },
	# the server gives up an idle connection just when the next request comes
	'/idle' => sub {
		print { $_[1] } head('200 OK', "Content-Length: $size"), $body;
		return 'close';
	});

# answers that are not: each with what must become of it
my %bad = (
	'/short' => [
		qr/^08006 /,
		sub { print { $_[1] } head('200 OK', "Content-Length: $size"), substr $body, 0, 500 } ],
	'/chunk-cut' => [
		qr/^08006 /,
		sub {
			print { $_[1] } head('200 OK', 'Transfer-Encoding: chunked'), "1000\r\n",
			  substr $body, 0, 500;
		} ],
	'/endless-silence' => [
		qr/^08P01 .*announces no length/,
		sub { print { $_[1] } "HTTP/1.1 200 OK\r\n\r\n", substr $body, 0, 500 } ],
	'/trickle' => [
		qr/^08006 .*Next to nothing/,
		sub {
			print { $_[1] } head('200 OK', "Content-Length: $size");
			for (1 .. 600) { $_[1]->syswrite('x') or last; select undef, undef, undef, 0.1; }
		} ],
	'/trickling-header' => [
		qr/^08006 .*Next to nothing/,
		sub {
			for (1 .. 600) { $_[1]->syswrite($_ == 1 ? "HTTP/1.1 200 OK\r\n" : "X: y\r\n") or last;
				select undef, undef, undef, 0.1; }
		} ],
	'/endless' => [
		qr/^54000 /,
		sub {
			print { $_[1] } head('200 OK', 'Transfer-Encoding: chunked');
			1 while $_[1]->print("10000\r\n", 'x' x 65536, "\r\n");
		} ],
	'/header-flood' => [
		qr/^08P01 /,
		sub { print { $_[1] } head('200 OK', map { "X-$_: " . 'y' x 100 } 1 .. 3000), 'x' } ],
	'/long-header' => [
		qr/^08P01 /,
		sub { print { $_[1] } head('200 OK', 'X: ' . 'y' x 90_000), 'x' } ],
	'/missing' => [
		qr/^58P01 .*does not exist/,
		sub { print { $_[1] } head('404 No', 'Content-Length: 4'), 'oops' } ],
	'/login' => [ qr/^28000 /, sub { print { $_[1] } head('401 No', 'Content-Length: 0') } ],
	'/forbidden' => [ qr/^42501 /, sub { print { $_[1] } head('403 No', 'Content-Length: 0') } ],
	'/teapot' => [ qr/^08P01 .*418/, sub { print { $_[1] } head('418 Teapot', 'Content-Length: 0') } ],
	'/trouble' => [
		qr/^08006 .*Tried 2 times/s,
		sub { print { $_[1] } head('503 No', 'Content-Length: 0', 'Retry-After: 0') } ],
	'/loop' => [
		qr/^08006 .*too many redirects/,
		sub { print { $_[1] } head('302 Found', 'Location: /loop', 'Content-Length: 0') } ],
	'/no-http' => [ qr/^08P01 /, sub { print { $_[1] } "Hello, I am no web server\r\n" x 10 } ],
	'/garbage' => [ qr/^08P01 /, sub { print { $_[1] } "HTTP/1.1 ABC\r\n\r\n" } ],
	'/silence' => [ qr/^08006 /, sub { } ],
	'/reset' => [ qr/^08006 /, sub { Olist::RawServer::reset_connection($_[1]) } ],
	'/range-lies' => [
		qr/^08P01 .*asked for/,
		sub {
			print { $_[1] } head('206 Partial Content', 'ETag: "v"', 'Content-Length: 5',
				"Content-Range: bytes 5-9/$size"), 'abcde';
		} ],
	'/fickle' => [
		qr/^08P01 .*the whole came/,
		sub {
			my ($request, $socket) = @_;
			my ($first, $last) = part($request);
			return $good{'/ranges'}->(@_) if $first == 0;
			print $socket head('200 OK', 'ETag: "v1"', "Content-Length: $size"), $body;
		} ],
	'/changes' => [
		qr/^55000 .*has changed/,
		sub {
			my ($request, $socket) = @_;
			my ($first, $last) = part($request);
			print $socket head('206 Partial Content', "ETag: \"$first\"",
				'Content-Length: ' . ($last - $first + 1),
				"Content-Range: bytes $first-$last/$size"),
			  substr $body, $first, $last - $first + 1;
		} ],
	'/grows' => [
		qr/^55000 .*has changed/,
		sub {
			my ($request, $socket) = @_;
			my ($first, $last) = part($request);
			my $total = $size + $first;
			print $socket head('206 Partial Content', 'ETag: "v"',
				'Content-Length: ' . ($last - $first + 1),
				"Content-Range: bytes $first-$last/$total"),
			  substr $body, $first, $last - $first + 1;
		} ]);

# redirects out of the permitted world
my $elsewhere = Olist::RawServer->new(sub { print { $_[1] } head('200 OK', 'Content-Length: 1'), 'x' });
my %away = (
	'http://169.254.169.254/latest/' => qr/^42501 .*not allowed/,
	'http://10.0.0.1/' => qr/^42501 .*not allowed/,
	'http://[::1]:1/' => qr/^42501 .*not allowed/,
	'ftp://127.0.0.1/' => qr/^08006 .*another kind/,
	'file:///etc/passwd' => qr/^08006 .*another kind/,
	'gopher://127.0.0.1/' => qr/^08006 .*another kind/,
	'http://user:secret@127.0.0.1/' => qr/^(22023|08006) /);
my @away = sort keys %away;
$bad{"/away/$_"} = [
	$away{ $away[$_] },
	do { my $to = $away[$_]; sub { print { $_[1] } head('302 Found', "Location: $to", 'Content-Length: 0') } } ]
  for 0 .. $#away;

my $server = Olist::RawServer->new(
	sub {
		my ($request, $socket) = @_;
		my $answer = $good{ $request->{path} } // ($bad{ $request->{path} } // [])->[1];
		return $answer->($request, $socket) if $answer;
		print $socket head('404 None', 'Content-Length: 0');
		return;
	});
create_server($node, 's', $server->endpoint, undef, timeout => '1s', retries => 1,
	part_size => '64kB', connections => 3);

sub read_path
{
	my ($path, $settings) = @_;
	return try_sql($node, "SELECT read_object('" . $server->endpoint . "$path', 's')", $settings);
}

foreach my $path (sort keys %good)
{
	is(read_path($path), $right, "$path is read");
	is(read_path($path, 'SET olist_etl.read_chunk_size = 1'), $right, '... one byte at a time');
}
foreach my $path (sort keys %bad)
{
	my $outcome = read_path($path, $path eq '/endless' ? q{SET olist_etl.max_object_size = '10MB'} : undef);
	like($outcome, $bad{$path}[0], "$path is refused");
}

# a session keeps no cookies, and survives that its connections die
$server->clear;
my $url = $server->endpoint;
is($node->safe_psql('postgres', join ';', map { "SELECT try(\$\$SELECT read_object('$url$_', 's')\$\$)" }
	  '/headers', '/whole', '/idle', '/whole', '/idle', '/idle'),
	join("\n", ($right) x 6), 'one session, many objects');
is(scalar(grep { $_->{headers}{cookie} } $server->requests), 0, '... and no cookies');

# many objects over one connection
$server->clear;
$node->safe_psql('postgres', "SELECT read_object('$url/whole', 's') FROM generate_series(1, 20)");
cmp_ok($server->accepts, '<=', 2, 'a connection serves many objects');

# a redirect to another server gets nothing that the first got
$server->clear;
like($elsewhere->accepts, qr/^0$/, 'nobody was led to another server');

# the size that was listed must be the size that comes
like(try_sql($node, "SELECT read_object('$url/ranges', 's', 'v1', 10)"), qr/^55000 /,
	'an object longer than it was listed');
like(try_sql($node, "SELECT read_object('$url/ranges', 's', 'v0', $size)"), qr/^55000 /,
	'an object in another version than it was listed');
is(try_sql($node, "SELECT read_object('$url/ranges', 's', 'v1', $size)"), $right,
	'an object as it was listed');

# listing what is one object
is(join('', objects($node, "$url/ranges", 's')), "$url/ranges|$size|v1", 'one object is listed');
is(join('', objects($node, "$url/whole", 's')), "$url/whole|$size|", '... also without a version');
like(try_sql($node, "SELECT olist_etl.list_objects('$url/missing', 's')"), qr/^58P01 /,
	'... unless it is missing');

$node->stop;
done_testing();
