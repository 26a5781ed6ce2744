# The harness itself: a cluster with the extension, the S3 server, the proxy
# that breaks it. What other tests take for granted is shown to hold here.
use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Cluster;
use Test::More;

my $s3 = s3_or_skip();

my $node = olist_cluster('main');
is( $node->safe_psql('postgres', q(SELECT extname FROM pg_extension WHERE extname = 'olist_etl')),
	'olist_etl', 'a cluster has the extension');

# the S3 server stores, lists and gives back, also under a key that needs care
my $bucket = new_bucket($s3);
my $key = 'a b/+=&%20~(é).csv';
utf8::decode($key);
my $etag = $s3->put($bucket, $key, \"id\n1\n");
like($etag, qr/^"[0-9a-f]{32}"$/, 'an object put has an ETag');
is($s3->get($bucket, $key), "id\n1\n", 'an object put is given back');
$s3->put($bucket, "k$_", \'x') for 1 .. 3;
is_deeply([ grep { /^k/ } $s3->list($bucket) ], [qw(k1 k2 k3)], 'objects put are listed');
$s3->delete($bucket, 'k2');
is_deeply([ grep { /^k/ } $s3->list($bucket) ], [qw(k1 k3)], 'an object deleted is not');

my $thief = Olist::S3->new(
	endpoint => $s3->endpoint,
	access_key => $s3->access_key,
	secret_key => 'wrong');
ok(!eval { $thief->get($bucket, 'k1'); 1 }, 'a wrong secret is refused');
like($@, qr/403 .*SignatureDoesNotMatch/s, '... with the right error');

my $temporary = temporary_s3(900);
is($temporary->get($bucket, 'k1'), 'x', 'temporary credentials work');
ok($temporary->session_token, '... and have a session token');

# the proxy passes, breaks as told, and remembers
my $proxy = fault_proxy();
my $through = Olist::S3->new(
	endpoint => $proxy->endpoint,
	access_key => $s3->access_key,
	secret_key => $s3->secret_key);
is($through->get($bucket, 'k1'), 'x', 'the proxy passes a request on');
$proxy->fault(do => 'slowdown', match => { path => 'k3' });
ok(!eval { $through->get($bucket, 'k3'); 1 }, 'a fault is injected');
like($@, qr/503 .*SlowDown/s, '... as told');
is($through->get($bucket, 'k3'), 'x', '... as often as told');
is_deeply([ map { $_->{fault} // '' } $proxy->log ], [ '', 'slowdown', '' ], '... and logged');

my $strict = fault_proxy(strict => 'eu-west-1');
my $abroad = Olist::S3->new(
	endpoint => $strict->endpoint,
	access_key => $s3->access_key,
	secret_key => $s3->secret_key);
ok(!eval { $abroad->get($bucket, 'k1'); 1 }, 'the strict proxy minds the region');
like($@, qr/400 .*AuthorizationHeaderMalformed/s, '... with the right error');

$node->stop;
done_testing();
