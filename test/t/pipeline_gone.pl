# What is gone from the source. What the warehouse shows of an object stays, and
# is noted; a version that was only staged, because the gate refused it, goes with
# the object, so that taking a bad file away is a way to repair a source.
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main');
my $drops = Olist::Pipeline->new($node, scale => 0.01);
my $name = 'olist_order_payments_dataset_more.csv';
my $header = "order_id,payment_sequential,payment_type,payment_installments,payment_value\n";
my $uri = 'file://' . $drops->directory . "/$name";

sub sql { return $node->safe_psql('postgres', $_[0]) }

# of the object: what is pending, what counts in the ledger, what the warehouse shows
sub object
{
	return sql(qq{SELECT concat_ws(' ',
		'pending ' || coalesce((SELECT string_agg(status, ',') FROM olist_etl.pending() WHERE uri = '$uri'), 'nothing') || ',',
		(SELECT count(*) FROM olist_etl.ledger WHERE uri = '$uri' AND is_current), 'current,',
		(SELECT count(*) FROM olist_etl.staged), 'staged, of value',
		(SELECT coalesce(sum(value), 0)::int FROM olist_dw.fact_payment WHERE payment_sequential = 99))});
}

sub put { my ($value) = @_; $drops->write_file($name, $header . join '', map { "$_,99,voucher,1,$value\n" } @{ $_[1] }); return }

is($drops->run->{status}, 'SUCCEEDED', 'there is a warehouse');
my @order = split /\n/, sql('SELECT order_id FROM olist_dw.fact_order ORDER BY order_id COLLATE "C" LIMIT 3');
my $before = $drops->warehouse;
sql(q{INSERT INTO olist_etl.check_rule (name, relation, predicate, severity)
	VALUES ('refuse', 'fact_payment', 'value < 1000000', 'fail')});

# a new object
put(5_000_000, [ $order[0] ]);
is($drops->run->{status}, 'FAILED', 'a new object is refused');
is(object(), 'pending unpublished, 1 current, 1 staged, of value 0', '... and waits');
$drops->write_file($name, undef);
is($drops->run->{status}, 'SUCCEEDED', 'without it the next run goes on');
is(object(), 'pending nothing, 0 current, 0 staged, of value 0', '... and knows it no more');
put(5_000_000, [ $order[0] ]);
is($drops->run->{status}, 'FAILED', 'the same again is refused again');
put(6_000_000, [ $order[0] ]);
is($drops->run->{status}, 'FAILED', '... and so is another version');
$drops->write_file($name, undef);
$drops->write_file('olist_order_payments_dataset_other.csv', "${header}$order[2],98,voucher,1,0.00\n");
is($drops->run->{status}, 'SUCCEEDED', 'it is no part of the next batch either');
is(object(), 'pending nothing, 0 current, 0 staged, of value 0', '... in no version');

# a version of an object that the warehouse shows
put(10, [ @order[ 0, 1 ] ]);
is($drops->run->{status}, 'SUCCEEDED', 'a good version is published');
foreach my $value (7_000_000, 8_000_000)
{
	put($value, [ $order[0] ]);
	is($drops->run->{status}, 'FAILED', 'a later one is refused');
}
is(object(), 'pending unpublished, 1 current, 1 staged, of value 20', '... and waits');
$drops->write_file($name, undef);
is($drops->run->{status}, 'SUCCEEDED', 'without it the next run goes on');
is(object(), 'pending gone, 1 current, 0 staged, of value 20', '... with the version that was published, which is noted to be gone');
my $rebuild = $drops->run(q{input => '{"rebuild": true}'});
like($rebuild->{cause}, qr/1 objects that it shows are gone/, '... and without which nothing is rebuilt');
is(sql('SELECT count(*) FROM olist_etl.check()'), '0', '... and all fits together');
put(8_000_000, [ $order[0] ]);
sql(q{UPDATE olist_etl.check_rule SET enabled = false WHERE name = 'refuse'});
is($drops->run->{status}, 'SUCCEEDED', 'the refused version, put back, is published where it may be');
is(object(), 'pending nothing, 1 current, 0 staged, of value 8000000', '... in place of the other');

# what it showed comes back after another version, and is refused with that
my $file = $drops->directory . "/$name";
my $aside = PostgreSQL::Test::Utils::tempdir() . "/$name";
sub come_back
{
	rename $file, $aside or die "$file: $!" if -e $file;
	put(9, [ $order[0] ]);
	is($drops->run->{status}, 'FAILED', 'another version is refused');
	rename $aside, $file or die "$aside: $!";
	is($drops->run->{status}, 'FAILED', '... and so is the published one, come back');
	is(object(), 'pending unpublished, 1 current, 1 staged, of value 8000000', '... which waits, and is what the warehouse shows');
	return;
}
sub let_all_pass { return sql('UPDATE olist_etl.check_rule SET enabled = ' . ($_[0] ? 'false' : 'true') . q{ WHERE name = 'refuse'}) }

my $published = sql(qq{SELECT published_at, last_modified, rows_rejected FROM olist_etl.ledger WHERE uri = '$uri' AND is_current});
sql(q{UPDATE olist_etl.check_rule SET predicate = 'false' WHERE name = 'refuse'});
let_all_pass(0);
come_back();
rename $file, $aside or die "$file: $!";
is($drops->run->{status}, 'SUCCEEDED', 'without it the next run goes on');
is(object(), 'pending gone, 1 current, 0 staged, of value 8000000', '... and knows what the warehouse shows');
is(sql(qq{SELECT published_at, last_modified, rows_rejected FROM olist_etl.ledger WHERE uri = '$uri' AND is_current}), $published, '... as it was');
rename $aside, $file or die "$aside: $!";
come_back();
let_all_pass(1);
sql("SELECT olist_etl.forget('$uri')");
$drops->write_file('olist_order_payments_dataset_other.csv', $header);
is($drops->run->{status}, 'SUCCEEDED', 'forgotten while it waits');
is(object(), 'pending forgotten, 0 current, 0 staged, of value 0', '... it leaves the warehouse');
is($drops->warehouse, $before, '... which is as it was');
is(sql('SELECT count(*) FROM olist_etl.check()'), '0', '... and all fits together');

done_testing();
