# A data set that is cut: its rows dealt to many objects, which are then dropped
# into a source's directory piece by piece.
#
#     my $whole = "$directory/whole";                    # nine files, .csv or .csv.gz
#     correct_data_set($whole);                          # and files that correct some rows, later
#     my $pieces = cut_data_set($whole, "$directory/cut", by_month());
#     ... $pieces->{'2017-11'} ...                       # its files, as names in that directory
#
# An object's rows keep the time of the object that they are cut from: what is
# later in the whole is later in its pieces, in whatever order they arrive.
package Olist::Pieces;

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(basename);

our @EXPORT = qw(correct_data_set cut_data_set by_month at_random alter_object vary_object spoil_object
  read_object write_object);

# when the files of the whole, and those that correct them, were last modified
my %time = (first => 1_600_000_000, later => 1_610_000_000);

# Entities by the name of their file, in an order in which by_month() knows what
# it needs; what a correction does to the fields before the first that may hold a
# comma.
my @entities = (
	[ 'orders', 'olist_orders_dataset', sub { $_[0][2] = $_[0][2] eq 'shipped' ? 'delivered' : 'shipped' } ],
	[ 'order_items', 'olist_order_items_dataset', sub { $_[0][5] = $_[0][5] + 1 } ],
	[ 'order_payments', 'olist_order_payments_dataset', sub { $_[0][4] = ($_[0][4] + 2) . "\n" } ],
	[ 'order_reviews', 'olist_order_reviews_dataset', sub { $_[0][2] = 6 - $_[0][2] } ],
	[ 'customers', 'olist_customers_dataset', sub { $_[0][2] = another_zip($_[0][2]) } ],
	[ 'products', 'olist_products_dataset', sub { $_[0][5] .= '0' } ],
	[ 'sellers', 'olist_sellers_dataset', sub { $_[0][1] = another_zip($_[0][1]) } ],
	[ 'geolocation', 'olist_geolocation_dataset', undef ],
	[ 'category_translation', 'product_category_name_translation', sub { $_[0][1] = "new_$_[0][1]" } ]);

sub another_zip
{
	my ($zip) = @_;
	$zip =~ s/"//g;
	return sprintf '"%05d"', ($zip * 7 + 1) % 100_000;
}

sub open_object
{
	my ($path) = @_;
	open my $in, ($path =~ /\.gz$/ ? '-|:raw' : '<:raw'), ($path =~ /\.gz$/ ? ('gzip', '-dc', $path) : $path)
	  or die "$path: $!";
	return $in;
}

# the next record, with the lines that it spans; undef at the end
sub next_record
{
	my ($in) = @_;
	my $record = <$in>;
	return undef unless defined $record;
	while (($record =~ tr/"//) % 2)
	{
		my $line = <$in>;
		die 'an open quote' unless defined $line;
		$record .= $line;
	}
	$record .= "\n" unless $record =~ /\n\z/;
	return $record;
}

# the file of an entity in a directory, and whether it is there
sub whole_file
{
	my ($directory, $stem) = @_;
	my ($path) = grep { -e } map { "$directory/$stem$_" } '.csv', '.csv.gz';
	die "no $stem in $directory" unless $path;
	return $path;
}

sub corrected
{
	my ($record, $correct) = @_;
	my @fields = split /,/, $record, 7;
	$correct->(\@fields);
	return join ',', @fields;
}

# Beside each file of DIRECTORY a later one, in which every twentieth row is
# another; the files' times are set.
sub correct_data_set
{
	my ($directory) = @_;
	foreach (@entities)
	{
		my ($entity, $stem, $correct) = @$_;
		my $path = whole_file($directory, $stem);
		utime $time{first}, $time{first}, $path or die "$path: $!";
		next unless $correct;
		my $in = open_object($path);
		open my $out, '>:raw', "$directory/${stem}_later.csv" or die $!;
		print $out next_record($in);
		for (my $n = 0; defined(my $record = next_record($in)); $n++)
		{
			print $out corrected($record, $correct) if $n % 20 == 7;
		}
		close $out or die $!;
		utime $time{later}, $time{later}, "$directory/${stem}_later.csv" or die $!;
	}
	return;
}

# Cuts all files of DIRECTORY into TO. CHOOSE gets the entity, whether the record
# corrects another, and the record; it says which piece that belongs to. Gives
# under "pieces" the names of each piece's files, and under "rows" how many
# records each entity has.
sub cut_data_set
{
	my ($directory, $to, $choose) = @_;
	my (%pieces, %rows);
	mkdir $to or die "$to: $!";
	foreach (@entities)
	{
		my ($entity, $stem) = @$_;
		foreach my $path (whole_file($directory, $stem), grep { -e } "$directory/${stem}_later.csv")
		{
			my ($name, $is_later) = (basename($path) =~ s/\.csv(\.gz)?$//r, $path =~ /_later\.csv$/);
			my $in = open_object($path);
			my $header = next_record($in);
			my %out;
			while (defined(my $record = next_record($in)))
			{
				my $piece = $choose->($entity, $is_later, $record);
				unless ($out{$piece})
				{
					open $out{$piece}, '>:raw', "$to/${name}_$piece.csv" or die $!;
					print { $out{$piece} } $header;
					push @{ $pieces{$piece} }, "${name}_$piece.csv";
				}
				print { $out{$piece} } $record;
				$rows{$entity}++;
			}
			my $time = $time{ $is_later ? 'later' : 'first' };
			foreach my $piece (keys %out)
			{
				close $out{$piece} or die $!;
				utime $time, $time, "$to/${name}_$piece.csv" or die $!;
			}
		}
	}
	return { pieces => \%pieces, rows => \%rows };
}

# One of PIECES for a point. All prefixes would have to be worked out again with
# each piece if their points were dealt one by one; so only those of a few are.
sub piece_of_point
{
	my ($record, $pieces) = @_;
	my ($zip) = $record =~ /^"?(\d+)/;
	return $pieces->[ $zip % 50 ? $zip % @$pieces : rand @$pieces ];
}

# Chooses the month of purchase, of a product and a seller that of a first sale;
# points and translations come at any time. Corrections come last.
sub by_month
{
	my (%of, $turn, @months);
	return sub {
		my ($entity, $is_later, $record) = @_;
		return 'corrections' if $is_later;
		return piece_of_point($record, \@months) if $entity eq 'geolocation';
		my @fields = map { s/"//gr } split /,/, $record, 5;
		if ($entity eq 'orders')
		{
			my $month = substr $fields[3], 0, 7;
			push @months, $month unless grep { $_ eq $month } @months;
			return $of{ $fields[0] } = $of{ $fields[1] } = $month;
		}
		if ($entity eq 'order_items')
		{
			my $month = $of{ $fields[0] };
			$_ = !defined || $_ gt $month ? $month : $_ for @of{ @fields[ 2, 3 ] };
			return $month;
		}
		return $of{ $fields[ $entity eq 'order_reviews' ? 1 : 0 ] } // $months[ $turn++ % @months ];
	};
}

# Chooses one of so many pieces by chance.
sub at_random
{
	my @pieces = map { sprintf '%02d', $_ } 0 .. $_[0] - 1;
	return sub {
		my ($entity, undef, $record) = @_;
		return $entity eq 'geolocation' ? piece_of_point($record, \@pieces) : $pieces[ rand @pieces ];
	};
}

# An object's header, and its records.
sub read_object
{
	my ($path) = @_;
	my $in = open_object($path);
	my @records;
	while (defined(my $record = next_record($in)))
	{
		push @records, $record;
	}
	return @records;
}

sub write_object
{
	my ($path, @records) = @_;
	open my $out, '>:raw', $path or die "$path: $!";
	print $out @records;
	close $out or die "$path: $!";
	return;
}

# the entity, by the name of its file
sub entity_of
{
	my ($path) = @_;
	my ($entity) = grep { basename($path) =~ /^\Q$_->[1]\E/ } @entities;
	return $entity;
}

# Writes another version of a file of the cut, under that file's name: half of its
# rows are gone, and of the others every third is not what it was.
sub alter_object
{
	my ($path, $to) = @_;
	my $entity = entity_of($to);
	my $in = open_object($path);
	open my $out, '>:raw', $to or die "$to: $!";
	print $out next_record($in);
	for (my $n = 0; defined(my $record = next_record($in)); $n++)
	{
		next if $n % 2;
		print $out $n % 6 || !$entity->[2] ? $record : corrected($record, $entity->[2]);
	}
	close $out or die $!;
	return;
}

# Writes another version of a file of the cut over it, at another time: few of its
# rows are gone, and few others are not what they were, or come twice; MORE rows are
# in it. Gives the rows that are gone.
sub vary_object
{
	my ($path, @more) = @_;
	my $entity = entity_of($path);
	my $in = open_object($path);
	my @gone;
	open my $out, '>:raw', "$path.new" or die "$path.new: $!";
	print $out next_record($in);
	while (defined(my $record = next_record($in)))
	{
		my $chance = rand;
		push @gone, $record if $chance < 0.01;
		print $out $chance < 0.02 && $entity->[2] ? corrected($record, $entity->[2]) : $record if $chance >= 0.01;
		print $out $record if $chance > 0.99;
	}
	print $out @more;
	close $out or die $!;
	rename "$path.new", $path or die "$path: $!";
	my $time = $time{first} + int rand 2 * ($time{later} - $time{first});
	utime $time, $time, $path or die "$path: $!";
	return @gone;
}

# ways in which a row is none that can be loaded: what becomes of its fields, the number
# of one that is no text among them
my @spoilers = (
	sub { $#{ $_[0] }--; $_[0][-1] .= "\n" },                # too few
	sub { $_[0][ $_[1] ] = 'x' if $_[1] },                    # of another type
	sub { $_[0][ $_[1] ] = '99999999999' if $_[1] },          # too large
	sub { $_[0][0] = '' },                                    # no key
	sub { $_[0][0] = join '', map { chr 97 + rand 26 } 1 .. 9000 });    # a key that no index can hold
my %not_text = (orders => 3, order_items => 5, order_payments => 3, order_reviews => 2, geolocation => 1);

# Spoils a few rows of a file of the cut, one in twenty at most.
sub spoil_object
{
	my ($path) = @_;
	my ($header, @records) = read_object($path);
	my $number = $not_text{ entity_of($path)->[0] };
	foreach (1 .. @records / 20)
	{
		my $spoil = $spoilers[ rand @spoilers ];
		my $n = int rand @records;
		next if $records[$n] =~ tr/\n// > 1;
		$records[$n] = corrected($records[$n], sub { $spoil->($_[0], $number) });
	}
	write_object($path, $header, @records);
	return;
}

1;
