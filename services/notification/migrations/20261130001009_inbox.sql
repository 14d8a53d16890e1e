select journal.give_inbox('notification');
