# From a bucket to staging, over a network that breaks: an object is wholly in
# or wholly out. And foreign tables read with the effective user's credentials
# (SECURITY rows L2, L8, L9, L27, T12, T21, T33).
use strict;
use warnings;

use Olist;
use Olist::Loading;
use Test::More;

my $s3 = s3_or_skip();
my $proxy = fault_proxy();
my $node = olist_cluster('main', "olist_etl.allowed_endpoints = '127.0.0.1'");
my $bucket = new_bucket($s3);

sub query { return $node->safe_psql('postgres', $_[0]) }

# the SQLSTATE, and all that is said, of a statement's error
sub error_of
{
	my ($sql, %param) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", %param);
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	return wantarray ? ($state, $err) : $state;
}

# orders FROM to TO as a file
sub orders
{
	my ($from, $to) = @_;
	my $csv = "order_id,customer_id,order_status,order_purchase_timestamp\n";
	$csv .= sprintf "%032x,%032x,delivered,2018-01-%02d 10:00:00\n", $_, $_, $_ % 28 + 1 for $from .. $to;
	return \$csv;
}

my $staged = q{SELECT count(*) || ' of ' || (SELECT sum(rows_loaded) FROM olist_etl.ledger WHERE is_current)
	FROM olist_staging.orders};
my $set_source = sprintf q{SELECT olist_etl.set_source('s3://%s/in/', endpoint => '%s', use_http => true,
	access_key_id => '%s', secret_access_key => '%s', options => '{"retries": 0}')},
  $bucket, $proxy->endpoint, $s3->access_key, $s3->secret_key;
query("UPDATE olist_etl.entity SET is_required = false; $set_source");

# a prefix without anything
my ($state, $text) = error_of('SELECT olist_etl.discover()');
is($state, '58P01', 'an empty prefix is an error');
like($text, qr/source "olist" has no object to load/, '... that says so');

# many objects of an entity under a prefix
$s3->put($bucket, sprintf('in/orders/dt=2018-%02d/part.csv', $_), orders($_ * 1000, $_ * 1000 + 99)) for 1 .. 30;
is(query(q{SELECT jsonb_array_length(olist_etl.discover() -> 'objects')}), '30', 'thirty objects are discovered');
query("DO \$\$ BEGIN PERFORM olist_etl.stage(o) FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o; END \$\$");
is(query($staged), '3000 of 3000', '... and staged');
is(query(q{SELECT DISTINCT olist_etl.stage(o) ->> 'status' FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o}),
	'skipped', '... once');

is(query(q{SELECT concat_ws(' ', d -> 'network' ->> 'requests_list', s -> 'network' ->> 'requests_get')
	FROM olist_etl.discover() d, olist_etl.stage(d -> 'objects' -> 0 || '{"reload": true}') s}),
	'1 1', '... and what was asked of the source is in the results');

# a body that breaks off, stalls or changes under way: nothing of the object is there
my $big = orders(100_000, 160_000);
$s3->put($bucket, 'in/olist_orders_dataset.csv', $big);
my $object = query(q{SELECT o FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o
	WHERE o ->> 'status' = 'new'});
for my $fault ([ 'reset', '08006' ], [ 'close', '08006' ])
{
	$proxy->fault(do => $fault->[0], after => 2_000_000, match => { method => 'GET', path => 'olist_orders_dataset' });
	is(scalar error_of("SELECT olist_etl.stage('$object')"), $fault->[1], "a body that ends with a $fault->[0]");
	is(query($staged), '3000 of 3000', '... leaves nothing behind');
}
is(query("SELECT olist_etl.stage('$object') ->> 'rows_loaded'"), '60001', 'the next try loads it');
is(query($staged), '63001 of 63001', '... whole');

# an object that changes, or goes, after it was discovered
$s3->put($bucket, 'in/olist_orders_dataset.csv', orders(100_000, 100_009));
$object = query(q{SELECT o FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o
	WHERE o ->> 'status' = 'changed'});
$s3->put($bucket, 'in/olist_orders_dataset.csv', orders(100_000, 100_019));
is(scalar error_of("SELECT olist_etl.stage('$object')"), '55000', 'an object that changed since it was discovered');
is(query($staged), '63001 of 63001', '... is not loaded in the wrong version');
$s3->delete($bucket, 'in/olist_orders_dataset.csv');
is(scalar error_of("SELECT olist_etl.stage('$object')"), '58P01', 'an object that is gone since it was discovered');
is(query($staged), '63001 of 63001', '... is not taken back');
like(query(q{SELECT olist_etl.discover() - 'objects'}), qr/"new": 30,/, '... until a run finds that it is gone');
is(query($staged), '3000 of 3000', '... before it was published');

# a failure in the third of five objects: the first two stay, and the next run does the rest
query('CREATE TABLE keyed (order_id text PRIMARY KEY, _object_id bigint)');
$s3->put($bucket, "five/$_.csv", orders($_ == 3 ? (2000, 2009) : ($_ * 1000, $_ * 1000 + 9))) for 1 .. 5;
my $load = "SELECT status FROM olist_etl.load('keyed', 's3://$bucket/five/%d.csv', 'olist_source')";
my $outcome = join ' ', map { error_of(sprintf $load, $_) // 'ok' } 1 .. 5;
is($outcome, 'ok ok 23505 ok ok', 'a duplicate key stops the object that brings it');
is(query('SELECT count(*) FROM keyed'), '40', '... and only that');
$s3->put($bucket, 'five/3.csv', orders(3000, 3009));
is(query("SELECT string_agg(status, ' ') FROM olist_etl.load('keyed', 's3://$bucket/five/', 'olist_source')"),
	'skipped skipped loaded skipped skipped', 'the fixed object is loaded, the others are not again');
is(query('SELECT count(*) FROM keyed'), '50', '... and all is there');

# whose credentials: a view reads as its owner, a table as whoever asks
query(sprintf q{
	CREATE ROLE owner; CREATE ROLE guest; CREATE ROLE thief;
	CREATE SERVER s3 FOREIGN DATA WRAPPER olist_etl OPTIONS (endpoint '%s', use_http 'true', retries '0');
	GRANT USAGE ON FOREIGN SERVER s3 TO owner, guest, thief;
	GRANT CREATE, USAGE ON SCHEMA public TO owner, guest, thief;
	CREATE USER MAPPING FOR owner SERVER s3 OPTIONS (access_key_id '%s', secret_access_key '%s');
	CREATE USER MAPPING FOR thief SERVER s3 OPTIONS (access_key_id '%s', secret_access_key 'wrong');
	SET ROLE owner;
	CREATE FOREIGN TABLE orders (order_id text) SERVER s3 OPTIONS (uri 's3://%s/five/*.csv');
	CREATE VIEW orders_view AS SELECT * FROM orders;
	GRANT SELECT ON orders, orders_view TO guest, thief;},
	$proxy->endpoint, $s3->access_key, $s3->secret_key, $s3->access_key, $bucket);
my $count = 'SELECT count(*) FROM';
is(query("SET ROLE owner; $count orders"), '50', 'T33: the owner reads with its own mapping');
is(scalar error_of("SET ROLE guest; $count orders"), '2F003', 'T21: without a mapping there are no credentials');
($state, $text) = error_of("SET ROLE thief; $count orders");
is($state, '28000', 'T33: a wrong secret is refused');
unlike($text, qr/wrong|\Q@{[$s3->secret_key]}\E/, '... and not shown');
is(query("SET ROLE $_; $count orders_view"), '50', "T33: the view reads as its owner for $_") for qw(guest thief);

# no path contacts a host that the policy does not allow
query('GRANT EXECUTE ON FUNCTION olist_etl.read_csv, olist_etl.load TO owner; GRANT ALL ON keyed TO owner');
query("ALTER SERVER s3 OPTIONS (SET endpoint 'http://[::1]:1')");
for my $sql (
	"$count orders", 'EXPLAIN SELECT * FROM orders', 'ANALYZE orders',
	"IMPORT FOREIGN SCHEMA x FROM SERVER s3 INTO public OPTIONS (uri 's3://$bucket/five/')",
	"SELECT * FROM olist_etl.read_csv('s3://$bucket/five/1.csv', 's3') AS t(order_id text)",
	"SELECT * FROM olist_etl.load('keyed', 's3://$bucket/five/1.csv', 's3')")
{
	($state, $text) = error_of("SET ROLE owner; $sql");
	is($state, '42501', "T12: $sql");
	like($text, qr/allowed_endpoints/, '... says where to allow it');
}
$node->stop;
done_testing();
