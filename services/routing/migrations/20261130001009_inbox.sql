select journal.give_inbox('routing');
