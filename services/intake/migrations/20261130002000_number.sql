-- A counter that fell behind its table (a failover, a restore) is moved on by whoever finds a number taken.
grant update on sequence intake.signal_number to vigie_intake;
