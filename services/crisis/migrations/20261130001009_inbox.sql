select journal.give_inbox('crisis');
